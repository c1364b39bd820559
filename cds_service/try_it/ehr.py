"""A small EHR over the sample patients, for development: it launches the clinician's page.

SMART App Launch 2.0, EHR launch, one client: one-time launches, consent and codes, PKCE (S256),
``aud`` and redirect URI compared exactly, and a FHIR base that answers a token about its own
patient alone. Everything is in memory and forgotten with the process.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, render_template, request

from cds_service.answers import FHIR_JSON, json_answer
from cds_service.clinician_page.smart_settings import CALLBACK, LAUNCH
from cds_service.config import Config
from cds_service.content_policy import content_policy
from cds_service.errors import UnknownSample, operation_outcome
from cds_service.sample_patients.fhir import found, pairs, resources_by_type
from cds_service.sample_patients.samples import Sample, samples
from cds_service.try_it.grants import Grants

EHR = "/try-it/ehr"
FHIR = f"{EHR}/fhir"
_LAUNCH_SECONDS, _CONSENT_SECONDS, _CODE_SECONDS, _TOKEN_SECONDS = 300, 600, 60, 300
_FORBIDDEN, _UNAUTHORIZED, _BAD = 403, 401, 400


@dataclass(frozen=True, slots=True)
class Asked:
    """One authorization request, for the patient whose chart was open."""

    patient_id: str
    redirect_uri: str
    state: str
    challenge: str
    scope: str


def has_sample_ehr(config: Config) -> bool:
    """Whether the test EHR can serve: to launch a page, and in one process, which remembers."""
    return config.sample_patients and config.smart.on and config.workers == 1


class SampleEhr:
    """What the test EHR remembers between the steps of a launch."""

    def __init__(self, config: Config) -> None:
        """The one client that it knows is the page that ``config`` describes."""
        self.config = config
        self.launches: Grants[str] = Grants(_LAUNCH_SECONDS)
        self.consents: Grants[Asked] = Grants(_CONSENT_SECONDS)
        self.codes: Grants[Asked] = Grants(_CODE_SECONDS)
        self.tokens: Grants[str] = Grants(_TOKEN_SECONDS)

    def knows(self, client_id: str | None, redirect_uri: str | None) -> bool:
        """Whether this is the page, to be sent back to where it is registered."""
        registered = {f"{base}{CALLBACK}" for base in (self.config.url, _here())}
        return client_id == self.config.smart.client_id and redirect_uri in registered

    def asked(self, query: Mapping[str, str]) -> Asked | None:
        """The request of ``query``; None unless launch, aud and PKCE are as they must be.

        The launch is used up by asking.
        """
        patient_id = self.launches.take(query.get("launch", ""))
        sound = (
            query.get("response_type") == "code"
            and query.get("aud", "").rstrip("/") == f"{_here()}{FHIR}"
            and query.get("code_challenge_method") == "S256"
        )
        challenge = query.get("code_challenge", "")
        if patient_id is None or not sound or not challenge:
            return None
        return Asked(
            patient_id,
            query["redirect_uri"],
            query.get("state", ""),
            challenge,
            query.get("scope", ""),
        )

    def token(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """The token response for a code; None where anything is not as it was asked."""
        asked = self.codes.take(form.get("code", ""))
        if asked is None or form.get("grant_type") != "authorization_code":
            return None
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        if form.get("redirect_uri") != asked.redirect_uri or not hmac.compare_digest(
            challenge.encode(), asked.challenge.encode()
        ):
            return None
        return {
            "access_token": self.tokens.give(asked.patient_id),
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
            "scope": asked.scope,
            "patient": asked.patient_id,
        }

    def authenticated(self) -> bool:
        """Whether the client is who it says: by its secret where it has one, else by its id."""
        smart = self.config.smart
        if not smart.client_secret:
            return request.form.get("client_id") == smart.client_id
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        try:
            told = b64decode(value, validate=True)
        except NotBase64:
            return False
        known = f"{smart.client_id}:{smart.client_secret}".encode()
        return kind.lower() == "basic" and hmac.compare_digest(told, known)


def sample_ehr(config: Config) -> Blueprint:
    """The routes of the test EHR; development only."""
    routes = Blueprint("sample_ehr", __name__, template_folder="templates")
    ehr = SampleEhr(config)
    _launch_route(routes, ehr)
    _authorization_routes(routes, ehr)
    _fhir_routes(routes, ehr)
    return routes


def _launch_route(routes: Blueprint, ehr: SampleEhr) -> None:
    @routes.get(f"{EHR}/launch/<patient_id>")
    def _launch(patient_id: str) -> Response:
        if patient_id not in samples():
            raise UnknownSample
        query = {"iss": f"{_here()}{FHIR}", "launch": ehr.launches.give(patient_id)}
        return _sent_to(f"{ehr.config.url}{LAUNCH}", query)


def _authorization_routes(routes: Blueprint, ehr: SampleEhr) -> None:
    @routes.get(f"{EHR}/authorize")
    def _authorize() -> Response:
        query = request.args
        if not ehr.knows(query.get("client_id"), query.get("redirect_uri")):
            # Never a redirect to an address that is not registered.
            return _refusal("invalid_client")
        asked = ehr.asked(query)
        if asked is None:
            return _back(query["redirect_uri"], query.get("state", ""), error="invalid_request")
        return consent_page(samples()[asked.patient_id], asked, ehr.consents.give(asked))

    @routes.post(f"{EHR}/authorize")
    def _consent() -> Response:
        asked = ehr.consents.take(request.form.get("consent", ""))
        if asked is None:
            return _refusal("invalid_request")
        if request.form.get("answer") != "allow":
            return _back(asked.redirect_uri, asked.state, error="access_denied")
        return _back(asked.redirect_uri, asked.state, code=ehr.codes.give(asked))

    @routes.post(f"{EHR}/token")
    def _token() -> Response:
        if not ehr.authenticated():
            return _refusal("invalid_client", _UNAUTHORIZED)
        told = ehr.token(request.form)
        return json_answer(told) if told else _refusal("invalid_grant")


def _fhir_routes(routes: Blueprint, ehr: SampleEhr) -> None:
    by_type = resources_by_type(samples())

    @routes.get(f"{FHIR}/.well-known/smart-configuration")
    def _configuration() -> Response:
        return json_answer(smart_configuration(_here()))

    @routes.get(f"{FHIR}/<resource_type>", defaults={"resource_id": ""})
    @routes.get(f"{FHIR}/<resource_type>/<resource_id>")
    def _fhir(resource_type: str, resource_id: str) -> Response:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        patient_id = ehr.tokens.look(token) if kind.lower() == "bearer" else None
        if patient_id is None:
            return _fhir_refusal(_UNAUTHORIZED, "login")
        if not _is_about(patient_id, resource_type, resource_id):
            return _fhir_refusal(_FORBIDDEN, "forbidden")
        if resource_id:
            return _fhir_answer(by_type["Patient"][patient_id])
        return _fhir_answer(found(by_type, resource_type, pairs(request.args), f"{_here()}{FHIR}"))


def smart_configuration(base: str) -> dict[str, Any]:
    """What SMART App Launch 2.0 asks of ``.well-known/smart-configuration``."""
    return {
        "authorization_endpoint": f"{base}{EHR}/authorize",
        "token_endpoint": f"{base}{EHR}/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "grant_types_supported": ["authorization_code"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": [
            "launch-ehr",
            "client-public",
            "client-confidential-symmetric",
            "context-ehr-patient",
            "permission-patient",
            "permission-v2",
        ],
    }


def consent_page(child: Sample, asked: Asked, consent: str) -> Response:
    """The page that asks whether the app may read the record of ``child``."""
    html = render_template(
        "try_it/consent.html",
        child=child,
        types=sorted(scope for scope in asked.scope.split() if scope.startswith("patient/")),
        consent=consent,
    )
    response = Response(html, mimetype="text/html")
    address = urlsplit(asked.redirect_uri)
    # Chromium holds form-action against the redirect that answers a form, too.
    response.headers["Content-Security-Policy"] = content_policy(
        form_action=f"'self' {address.scheme}://{address.netloc}"
    )
    return response


def _is_about(patient_id: str, resource_type: str, resource_id: str) -> bool:
    """Whether the read or search that is asked is about this patient and nobody else."""
    if resource_id:
        return (resource_type, resource_id) == ("Patient", patient_id)
    names = ("_id",) if resource_type == "Patient" else ("patient", "subject")
    asked = [value for name in names for value in request.args.getlist(name)]
    return bool(asked) and all(value.removeprefix("Patient/") == patient_id for value in asked)


def _here() -> str:
    return request.host_url.rstrip("/")


def _sent_to(url: str, query: Mapping[str, str]) -> Response:
    return Response(status=302, headers={"Location": f"{url}?{urlencode(query)}"})


def _back(redirect_uri: str, state: str, **told: str) -> Response:
    return _sent_to(redirect_uri, {**told, "state": state})


def _refusal(error: str, status: int = _BAD) -> Response:
    return json_answer({"error": error}, status)


def _fhir_answer(content: Any, status: int = 200) -> Response:  # noqa: ANN401 - any JSON value
    response = json_answer(content, status)
    response.mimetype = FHIR_JSON
    return response


def _fhir_refusal(status: int, code: str) -> Response:
    return _fhir_answer(operation_outcome(code, "This token does not open this record."), status)
