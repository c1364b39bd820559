"""What the running service prints of a launch: that something was decided, and nothing else."""

from __future__ import annotations

from typing import Any

from itsdangerous import URLSafeTimedSerializer
from launches import CHILD, Launch, query_of


def test_the_running_service_prints_no_secret_of_a_launch(service: Any) -> None:
    """No access log, no query: neither launch id, state, code, verifier nor patient."""
    launch = Launch(f"http://127.0.0.1:{service.port}")
    asked = query_of(launch.authorization_url())
    url = launch.callback_url()
    (cookie, *_) = launch.session.cookies
    verifier = URLSafeTimedSerializer("x").loads_unsafe(cookie.value or "")[1]["verifier"]
    assert launch.get(url).status_code == 200
    assert launch.get(url).status_code == 400, "again"
    lines = service.log.read_text().splitlines()
    logged = "\n".join(line for line in lines if not line.startswith((" ", "Serving on ")))
    assert '"hook":"smart-launch"' in logged
    secrets = [asked["launch"], asked["state"], query_of(url)["code"], verifier, CHILD]
    assert not [secret for secret in secrets if secret in logged]
