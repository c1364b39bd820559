"""``GET /launch`` and ``GET /callback``: the clinician's page as a SMART App Launch 2 app.

The EHR opens ``/launch``; the browser goes to its authorization server and comes back to
``/callback`` with a code. Callback exchanges the code, reads the same data as the hook by the same
client, shows the page, and forgets the token. Nothing is kept here; see ``launch_cookie``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from flask import Blueprint, Response, g, request

from cds_service import decision_log
from cds_service.clinician_page.html_pages import fault_page, html_page
from cds_service.clinician_page.launch_cookie import LaunchCookies, PendingLaunch
from cds_service.clinician_page.launch_faults import LaunchFault, LaunchRefused
from cds_service.clinician_page.smart_server import Access, SmartConfiguration, SmartServer, scopes
from cds_service.clinician_page.smart_settings import CALLBACK, LAUNCH
from cds_service.config import Config
from cds_service.errors import CdsServiceError
from cds_service.fhir_server.deadline import Deadline
from cds_service.fhir_server.reach import Reach
from cds_service.fhir_server.settings import BaseUrl
from cds_service.hook_request import HookRequest
from cds_service.patient_view import DecidedRecord, decided
from cds_service.prefetch import RecordSource

KEPT_SECONDS = 300
"""How long the configuration of an EHR is used before it is asked for again."""

_MOST_KEPT = 100
_LONGEST = 4_096
_DENIED = "access_denied"
HOOK = "smart-launch"
"""What stands in the decision log in place of a hook."""


def clinician_page(
    config: Config, source: RecordSource, page: Callable[[DecidedRecord], str]
) -> Blueprint:
    """The routes of the page; ``page``: the HTML of what was read and decided."""
    routes = Blueprint("clinician_page", __name__)
    embedders = config.smart.embedders
    launches = _Launches(config, source)

    @routes.errorhandler(LaunchRefused)
    def _refused(refused: LaunchRefused) -> Response:
        return fault_page(refused.fault, embedders)

    @routes.errorhandler(Exception)
    def _defect(error: Exception) -> Response:
        decision_log.record_bug(str(uuid4()), error)
        return fault_page(LaunchFault.DEFECT, embedders)

    @routes.get(LAUNCH)
    def _launch() -> Response:
        return launches.begun()

    @routes.get(CALLBACK)
    def _callback() -> Response:
        pending = launches.pending()
        try:
            response = html_page(page(launches.record(pending)), embedders)
        except LaunchRefused as refused:
            response = fault_page(refused.fault, embedders)
        launches.cookies.delete(response, pending)
        return response

    return routes


class _Launches:
    """The steps of a launch for the request that is being answered; each raises LaunchRefused."""

    def __init__(self, config: Config, source: RecordSource) -> None:
        self._config = config
        self._settings = config.smart
        self._source = source
        self._reach = Reach(config.fhir.networks)
        self._configurations: dict[BaseUrl, tuple[float, SmartConfiguration | None]] = {}
        self.cookies = LaunchCookies(config.smart)

    def begun(self) -> Response:
        """Send the browser to the authorization server of the EHR that launches."""
        issuer, launch = BaseUrl.parse(_parameter("iss")), _parameter("launch")
        if issuer is None or not launch:
            raise LaunchRefused(LaunchFault.INCOMPLETE)
        if not self._settings.knows(issuer):
            raise LaunchRefused(LaunchFault.FOREIGN)
        server = self._server()
        configuration = self._configuration(server, issuer)
        # In development the page is reached under more than one name of this machine.
        here = self._config.public_url or request.host_url.rstrip("/")
        pending = PendingLaunch(
            issuer=str(issuer),
            token_endpoint=configuration.token_endpoint,
            redirect_uri=f"{here}{CALLBACK}",
        )
        scope = scopes(self._config.local_codes, v1=configuration.v1_scopes)
        url = server.authorization_url(configuration, pending, launch, scope)
        response = Response(status=302, headers={"Location": url})
        self.cookies.keep(response, pending)
        return response

    def _configuration(self, server: SmartServer, issuer: BaseUrl) -> SmartConfiguration:
        """The configuration of ``issuer``, asked anew after some minutes: not once per launch."""
        until, kept = self._configurations.get(issuer, (0.0, None))
        if kept is None or time.monotonic() >= until:
            kept = server.configuration(issuer)
            if len(self._configurations) >= _MOST_KEPT:  # in development any port is an EHR
                self._configurations.clear()
            self._configurations[issuer] = (time.monotonic() + KEPT_SECONDS, kept)
        return kept

    def pending(self) -> PendingLaunch:
        """The launch that this browser began and now comes back from."""
        pending = self.cookies.kept(request, _parameter("state"))
        if pending is None:
            raise LaunchRefused(LaunchFault.STALE)
        return pending

    def record(self, pending: PendingLaunch) -> DecidedRecord:
        """The record that the EHR gives access to, decided."""
        code, error = _parameter("code"), _parameter("error")
        if error or not code:
            raise LaunchRefused(LaunchFault.DENIED if error == _DENIED else LaunchFault.REFUSED)
        access = self._server().access(pending, code)
        return launched_record(pending.issuer, access, self._source, self._settings.issuers)

    def _server(self) -> SmartServer:
        deadline = Deadline.after(self._config.fhir.deadline_ms)
        return SmartServer(self._settings, self._reach, deadline)


def launched_record(
    issuer: str, access: Access, source: RecordSource, issuers: frozenset[BaseUrl]
) -> DecidedRecord:
    """The record of the patient whose chart is open, read as the hook reads it, and decided.

    Raises LaunchRefused where what is required could not be read.
    """
    hook = HookRequest(
        hook=HOOK,
        hook_instance=str(uuid4()),
        patient_id=access.patient_id,
        prefetch={},
        fhir_server=issuer,
        access_token=access.token,
    )
    g.hook = hook  # for the audit trail, also when no page can be shown
    allowed = replace(source.settings, servers=source.settings.servers | issuers)
    try:
        record = decided(hook, source=replace(source, settings=allowed))
    except CdsServiceError:
        raise LaunchRefused(LaunchFault.NO_RECORD) from None
    decision_log.record(hook, str(uuid4()), record.decision, cards=0, issuer=issuer)
    return record


def _parameter(name: str) -> str:
    """A query parameter that stands there once, as printable text; empty otherwise."""
    values = request.args.getlist(name)
    if len(values) != 1 or len(values[0]) > _LONGEST or not values[0].isprintable():
        return ""
    return values[0]
