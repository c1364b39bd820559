"""Who is let in: by address, tenant and mode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from trusted_clients import (
    EHR,
    PUBLIC_URL,
    SERVICE_URL,
    production_config,
    trust_file,
)

from cds_service.app import create_app
from cds_service.config import Config


def test_every_address_of_the_api_that_is_routed_asks_for_a_token(tmp_path: Path) -> None:
    """By the map of addresses itself: one that is added later is guarded too, or fails here."""
    config = production_config(tmp_path)
    app = create_app(replace(config, trust=replace(config.trust, discovery_token=True)))
    guarded = {
        (method, rule.rule.replace("<service_id>", "relapsed-all-stratification"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"OPTIONS"}
        if "cds-services" in rule.rule and "source-attributes" not in rule.rule
    }
    assert len(guarded) >= 4
    for method, path in guarded:
        for spelled in (path, f"{path}/"):
            answer = app.test_client().open(spelled, method=method)
            assert answer.status_code == 401, (method, spelled)


def test_a_client_with_tenants_must_name_one_of_them(
    tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """A vendor that calls for many hospitals calls for those that are listed."""
    vendor = replace(EHR, entry='tenants = ["north", "south"]')
    service = create_app(production_config(tmp_path, [vendor])).test_client()
    for tenant, status in (("north", 200), ("south", 200), ("west", 401), (None, 401)):
        headers = vendor.bearer(tenant=tenant)
        assert service.post(SERVICE, json=hook_body, headers=headers).status_code == status


def test_discovery_demands_a_token_where_the_setting_says_so(tmp_path: Path) -> None:
    """And a bad token is refused there in any case."""
    config = production_config(tmp_path)
    closed = replace(config, trust=replace(config.trust, discovery_token=True))
    address = f"{PUBLIC_URL}/cds-services"
    for settings, without in ((config, 200), (closed, 401)):
        service = create_app(settings).test_client()
        assert service.get("/cds-services").status_code == without
        for headers, status in ((EHR.bearer(address), 200), (EHR.bearer(SERVICE_URL), 401)):
            assert service.get("/cds-services", headers=headers).status_code == status
        assert service.options("/cds-services", headers={"Origin": "x"}).status_code == 204


def test_development_lets_a_call_without_a_token_in_and_refuses_a_bad_one(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """A client under development learns that its token is wrong."""
    assert client.post(SERVICE, json=hook_body).status_code == 200
    assert client.post(SERVICE, json=hook_body, headers=EHR.bearer()).status_code == 401


@pytest.mark.parametrize(
    "base",
    [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "https://tunnel.example.org",
    ],
)
def test_development_verifies_the_tokens_of_a_client_of_its_own_trust_file(
    base: str, tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """The address may be any name of this machine, or the public one where one is set."""
    config = Config(port=8080, public_url="https://tunnel.example.org")
    config = replace(config, trust=replace(config.trust, file=str(trust_file(tmp_path))))
    service = create_app(config).test_client()
    headers = EHR.bearer(f"{base}{SERVICE}")
    answers = [service.post(SERVICE, json=hook_body, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]


def test_development_answers_its_own_machine_alone(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """Whatever address the server listens on, a container's included."""
    claimed = dict.fromkeys(("X-Forwarded-For", "X-Real-IP", "Forwarded"), "127.0.0.1")
    response = client.post(
        SERVICE,
        json=hook_body,
        headers=claimed,
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},
    )
    assert response.status_code == 403
    assert "CDS_MODE" in outcome_of(response)["diagnostics"]
