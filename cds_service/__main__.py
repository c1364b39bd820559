"""``python -m cds_service``: serve on HOST and PORT, and say what to try next.

``python -m cds_service WORD`` does what ``commands`` says of the word instead.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from cds_service.app import create_app
from cds_service.commands import answered
from cds_service.config import Config
from cds_service.discovery import SERVICE_ID
from cds_service.errors import CommandError, StartError
from cds_service.sample_patients.samples import samples
from cds_service.self_check import CHECK, self_check
from cds_service.server import is_free, serve

SANDBOX = "https://sandbox.cds-hooks.org/"


def what_to_try(config: Config) -> str:
    """What a newcomer can do now: discovery, a curl line, the sandbox, the sample patients."""
    base = config.base_url
    lines = [
        f"Serving on {base} ({config.mode})",
        f"  discovery   curl {base}/cds-services",
    ]
    if config.sample_patients:
        first = next(iter(samples()))
        as_json = "-H 'Content-Type: application/json'"
        query = f"fhirServiceUrl={base}/fhir&serviceDiscoveryURL={base}/cds-services"
        lines += [
            f"  browser     {base}/",
            f"  a decision  curl -s {base}/sample-requests/{first} |",
            f"                curl -s {as_json} -d @- {base}/cds-services/{SERVICE_ID}",
            f"  sandbox     {SANDBOX}?{query}&patientId={first}",
            "  sample patients (all invented):",
            *(f"    {child.patient_id:32}{child.about}" for child in samples().values()),
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until stopped; 2 when an argument, a setting or the address is not usable."""
    if list(arguments) == [CHECK]:
        return _checked()
    try:
        config = Config.from_environment(os.environ)
        if arguments:
            _say(answered(arguments, config))
            return 0
        create_app(config)  # everything is read and checked before anybody is answered
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StartError as error:
        return _refused(str(error))
    if not is_free(config):
        return _refused(f"{config.host}:{config.port} is not free; try PORT={config.port + 1}")
    config.smart.share_key(os.environ)
    serve(config, ready=lambda: _say(what_to_try(config)))
    return 0


def _checked() -> int:
    done = self_check(os.environ, datetime.now(UTC).date())
    _say("\n".join(done.lines))
    return 0 if done.sound else 2


def _refused(why: str) -> int:
    sys.stderr.write(f"cds_service does not start: {why}\n")
    return 2


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
