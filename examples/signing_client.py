"""A CDS client for a first test call: it has a key, and signs a token for one address.

    python examples/signing_client.py entry          the entry for the trust file
    python examples/signing_client.py token ADDRESS  a token for one call of ADDRESS

The key lies in signing_client.json in the current folder, and is made the first time. Run it with
the Python of the service, which has the library; take the entry out again after the test.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

KEY = Path("signing_client.json")
ISSUER = "https://test-client.example.org"
SECONDS = 120


def key() -> ECKey:
    """The key of this client, made once."""
    if not KEY.exists():
        made = ECKey.generate_key("P-384", {"kid": str(uuid4())})
        KEY.touch(mode=0o600)
        KEY.write_text(json.dumps(made.as_dict(private=True)), encoding="utf-8")
    return ECKey.import_key(json.loads(KEY.read_text(encoding="utf-8")))


def entry() -> str:
    """What the trust file has to say about this client: its name and its public key."""
    public = key().as_dict(private=False)
    lines = [f'{name} = "{public[name]}"' for name in ("kty", "crv", "kid", "x", "y")]
    return "\n".join(["[[clients]]", f'iss = "{ISSUER}"', "", "[[clients.keys]]", *lines])


def token(address: str) -> str:
    """A token that is good for one call of ``address``, for two minutes."""
    signing, now = key(), int(time.time())
    header = {"alg": "ES384", "typ": "JWT", "kid": signing.kid}
    claims = {
        "iss": ISSUER,
        "aud": address,
        "iat": now,
        "exp": now + SECONDS,
        "jti": str(uuid4()),
    }
    return jwt.encode(header, claims, signing, algorithms=["ES384"])


def main(arguments: list[str]) -> int:
    """Print an entry or a token."""
    match arguments:
        case ["entry"]:
            told = entry()
        case ["token", address]:
            told = token(address)
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
