"""How the cards of this service leave it: for which client, with which links, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cds_service.cards.client_profiles import PROFILES, Card, ClientProfile, Link
from cds_service.cards.fixed_parts import FixedArray
from cds_service.cards.words import card_words
from cds_service.clinician_page.smart_settings import LAUNCH
from cds_service.config import Config
from cds_service.discovery import SERVICE_ID
from cds_service.feedback.alert_fatigue import AlertMemory

SOURCE_ATTRIBUTES = f"/cds-services/{SERVICE_ID}/source-attributes"


@dataclass(frozen=True, slots=True)
class Presentation:
    """The settings of one process, as far as the cards depend on them.

    ``links``: what every card links to. ``listed``: URL prefixes that the client lists.
    ``memory``: what was overridden lately; None = alert fatigue is not considered.
    """

    profile: ClientProfile = field(default_factory=lambda: PROFILES["generic"])
    links: tuple[Link, ...] = ()
    listed: tuple[str, ...] = ()
    memory: AlertMemory | None = None

    def shown(self, cards: list[Card]) -> list[dict[str, Any]]:
        """The cards as they leave: override reasons, links, and the shape of the client."""
        reasons = override_reasons()
        return [
            {**self.profile.shown(card, self.links, self.listed), "overrideReasons": reasons}
            for card in cards
        ]


def presentation(config: Config, memory: AlertMemory | None = None) -> Presentation:
    """The presentation that ``config`` asks for."""
    return Presentation(
        profile=PROFILES[config.client_profile],
        links=links(config),
        listed=config.client_links,
        memory=memory,
    )


def links(config: Config) -> tuple[Link, ...]:
    """The article, the source attributes, and the clinician's page where it is on."""
    words = card_words()
    found = [
        {"label": words.links["article"], "url": words.source["url"], "type": "absolute"},
        {
            "label": words.links["source_attributes"],
            "url": f"{config.url}{SOURCE_ATTRIBUTES}",
            "type": "absolute",
        },
    ]
    if config.smart.on:
        url = f"{config.url}{LAUNCH}"
        found.append({"label": words.links["smart"], "url": url, "type": "smart"})
    return tuple(found)


@cache
def override_reasons() -> FixedArray:
    """The published reasons, each with its display (cds-hooks_2.0@100 and @136)."""
    override = card_words().override
    return FixedArray(
        {"code": code, "system": override["system"], "display": display}
        for code, display in override["reasons"].items()
    )
