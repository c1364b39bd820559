"""The files of the deployment agree with each other and with the service that they run."""

from __future__ import annotations

import re
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import debian_servers
import pytest
import yaml
from trusted_clients import production_config

from cds_service.app import create_app
from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.config import Config
from cds_service.fhir_server.settings import base_urls

KUBERNETES = "deploy/kubernetes"
OUTSIDE = {"kustomization.yaml", "secret.example.yaml"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def compose(root: Path) -> Json:
    """compose.yaml."""
    return dict(yaml.safe_load((root / "compose.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def manifests(root: Path) -> dict[str, Json]:
    """The Kubernetes files by name."""
    return {
        path.name: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in (root / KUBERNETES).glob("*.yaml")
    }


@pytest.fixture
def secrets(root: Path, tmp_path: Path) -> Path:
    """What deploy/make_secrets.sh makes."""
    debian_servers.program("openssl")
    folder = tmp_path / "secrets"
    command = ["sh", str(root / "deploy/make_secrets.sh"), str(folder)]
    subprocess.run(command, check=True, timeout=60)
    return folder


@pytest.fixture
def mounted(secrets: Path) -> Iterator[Path]:
    """The secrets, with the address of a real Redis that runs by its made configuration."""
    with debian_servers.redis(secrets / "redis_configuration") as url:
        store = secrets / "replay_store"
        here = url.removeprefix("redis://")
        text = store.read_text(encoding="utf-8").replace("redis:6379/0", here)
        assert here in text
        store.write_text(text, encoding="utf-8")
        yield secrets


def started(settings: dict[str, str], root: Path, secrets: Path) -> Config:
    """The settings of a container, with its secret files where the test has them."""
    places = {
        "/run/secrets/trust": f"{root}/{KUBERNETES}/trust.toml",
        "/etc/relapsed-all-cds/trust.toml": f"{root}/{KUBERNETES}/trust.toml",
        "/run/secrets/relapsed-all-cds/": f"{secrets}/",
        "/run/secrets/": f"{secrets}/",
    }
    environ = {"CDS_MODE": "production"}
    for name, text in settings.items():
        value = re.sub(r"\$\{\w+:-(.*)\}", r"\1", text)
        for place, here in places.items():
            value = value.replace(place, here)
        environ[name] = value
    config = Config.from_environment(environ)
    create_app(config)
    return config


def test_the_settings_of_the_compose_file_start_the_service(
    compose: Json, root: Path, mounted: Path
) -> None:
    """Every name is a setting, every secret is read from the file that it names."""
    config = started(compose["services"]["service"]["environment"], root, mounted)
    assert config.feedback_database.startswith("postgresql+psycopg://cds:")
    assert config.trust.replay_store.startswith("redis://:")


def test_the_settings_of_kubernetes_start_the_service(root: Path, mounted: Path) -> None:
    """As above, with the files of the secret as its example names them."""
    lines = (root / KUBERNETES / "settings.env").read_text(encoding="utf-8").splitlines()
    config = started(dict(line.split("=", 1) for line in lines), root, mounted)
    assert config.trust.file.endswith("trust.toml")
    assert config.metrics


def test_every_secret_of_the_compose_file_is_made_once(
    compose: Json, root: Path, secrets: Path
) -> None:
    """Read by the containers' users, kept from others by its folder, and never replaced."""
    named = {
        Path(item["file"]).name
        for item in compose["secrets"].values()
        if item["file"].startswith("deploy/secrets/")
    }
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    assert named == set(made)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    password = made["postgresql_password"].strip()
    assert len(password) == 64
    assert password in made["feedback_database"]
    command = ["sh", str(root / "deploy/make_secrets.sh"), str(secrets)]
    subprocess.run(command, check=True, timeout=60)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == made


def test_every_container_of_the_compose_file_is_held_tight(compose: Json) -> None:
    """Nothing writable but what is named, no rights, a check of its health."""
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "healthcheck" in service or "build" in service, name
        assert "privileged" not in service, name
        held = set(service.get("secrets", ()))
        assert held <= set(compose["secrets"]), name
    published = [name for name, item in compose["services"].items() if "ports" in item]
    assert published == ["proxy"]
    assert compose["networks"]["state"]["internal"] is True


def test_the_redis_of_the_compose_file_never_forgets_a_token_to_make_room(secrets: Path) -> None:
    """A forgotten token could be used again."""
    configuration = (secrets / "redis_configuration").read_text(encoding="utf-8").splitlines()
    assert "maxmemory-policy noeviction" in configuration
    assert "appendonly yes" in configuration


def test_the_kustomization_names_every_manifest_and_file(
    manifests: dict[str, Json], root: Path
) -> None:
    """None is forgotten, none is missing; the example of a secret is no part of it."""
    kustomization = manifests["kustomization.yaml"]
    assert set(kustomization["resources"]) == set(manifests) - OUTSIDE
    for generated in kustomization["configMapGenerator"]:
        for name in generated.get("files", []) + generated.get("envs", []):
            assert (root / KUBERNETES / name).is_file()


def test_pods_run_twice_or_more_without_rights_on_a_read_only_root(
    manifests: dict[str, Json],
) -> None:
    """And are never all taken away at once."""
    pods = manifests["deployment.yaml"]["spec"]
    container, *others = pods["template"]["spec"]["containers"]
    assert not others
    assert pods["replicas"] >= 2
    assert manifests["autoscaler.yaml"]["spec"]["minReplicas"] >= 2
    assert manifests["disruption_budget.yaml"]["spec"]["minAvailable"] >= 1
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pods["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pods["template"]["spec"]["automountServiceAccountToken"] is False


def test_what_selects_pods_selects_those_of_the_deployment(manifests: dict[str, Json]) -> None:
    """Service, budget and network policy mean the same pods."""
    labels = manifests["deployment.yaml"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        manifests["deployment.yaml"]["spec"]["selector"]["matchLabels"],
        manifests["service.yaml"]["spec"]["selector"],
        manifests["disruption_budget.yaml"]["spec"]["selector"]["matchLabels"],
        manifests["network_policy.yaml"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector == labels for selector in selectors)


def test_a_pod_may_only_reach_the_hosts_that_are_listed(manifests: dict[str, Json]) -> None:
    """No rule without a destination, and none that is a whole network."""
    policy = manifests["network_policy.yaml"]["spec"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    for rule in policy["egress"]:
        assert rule["ports"]
        assert rule["to"]
        for target in rule["to"]:
            block = target.get("ipBlock")
            assert block is None or block["cidr"].endswith("/32")
            assert block is not None or "podSelector" in target


def test_every_address_is_public_or_watched_and_each_probe_is_answered(
    manifests: dict[str, Json], tmp_path: Path
) -> None:
    """What the operator watches is not among the public paths, and no address is forgotten."""
    page = SmartSettings(
        client_id="page",
        cookie_key="k" * 32,
        issuers=base_urls("https://ehr.example.org/r4"),
        loopback=False,
    )
    app = create_app(production_config(tmp_path, metrics=True, smart=page))
    container = manifests["deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert app.test_client().get(container[probe]["httpGet"]["path"]).status_code == 200
    public = set(_public(manifests["ingress.yaml"]))
    rules = {rule.rule for rule in app.url_map.iter_rules()}
    open_ = {rule for rule in rules for path in public if f"{rule}/".startswith(f"{path}/")}
    assert rules - open_ == {"/metrics", "/health", "/health/ready", "/health/ready/cards"}
    assert all(any(f"{rule}/".startswith(f"{path}/") for rule in rules) for path in public)


def _public(ingress: Json) -> Iterator[str]:
    for rule in ingress["spec"]["rules"]:
        yield from (path["path"] for path in rule["http"]["paths"])


def test_the_proxy_takes_bodies_as_large_as_the_service_does(root: Path) -> None:
    """A body that the service would take is not refused before it."""
    text = (root / "deploy/nginx.conf").read_text(encoding="utf-8")
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert int(megabytes) * 1024 * 1024 >= Config().body_limit
