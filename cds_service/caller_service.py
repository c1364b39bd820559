"""What the service is for one caller: the shape of the cards, and the records it may fetch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cds_service.cards.client_profiles import PROFILES
from cds_service.cards.presentation import Presentation
from cds_service.prefetch import RecordSource
from cds_service.trust.clients import Caller, TrustedClient
from cds_service.trust.trust_file import sandbox_client


@dataclass(frozen=True, slots=True)
class CallerService:
    """``presentation``: how cards are shown; ``source``: where data may be fetched."""

    presentation: Presentation
    source: RecordSource


class CallerServices:
    """The service for each client, made at start; and for callers without a token."""

    def __init__(
        self,
        clients: Mapping[str, TrustedClient],
        presentation: Presentation,
        source: RecordSource,
    ) -> None:
        """``presentation`` and ``source``: as the settings say, for callers without a token."""
        self._anonymous = CallerService(presentation, source)
        self._of_clients = {iss: self._of(client) for iss, client in clients.items()}

    def of(self, caller: Caller) -> CallerService:
        """The service for ``caller``."""
        return self._anonymous if caller.client is None else self._of_clients[caller.iss]

    def _of(self, client: TrustedClient) -> CallerService:
        shown, source = self._anonymous.presentation, self._anonymous.source
        # In a trial the sandbox shows what any profile of the settings looks like.
        if client.iss not in sandbox_client() or shown.profile.name == "generic":
            shown = replace(shown, profile=PROFILES[client.profile], listed=client.links)
        settings = replace(
            source.settings,
            # What the settings list is for trials alone: production refuses it.
            servers=source.settings.servers | client.fhir_servers,
            open_servers=source.settings.open_servers | client.open_fhir_servers,
        )
        return CallerService(shown, replace(source, settings=settings))
