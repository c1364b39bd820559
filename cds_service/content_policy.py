"""The content security policy of our pages: nothing from elsewhere, no inline script or style."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256


def content_policy(
    *,
    styles: str = "'self'",
    form_action: str = "'self'",
    embedders: Sequence[str] = (),
) -> str:
    """A policy that lets through our own files; ``embedders``: origins that may frame the page.

    ``styles`` and ``form_action`` are source lists of CSP level 3.
    """
    ancestors = " ".join(embedders) or "'none'"
    return (
        f"default-src 'none'; style-src {styles}; script-src 'self'; connect-src 'self'; "
        f"img-src 'self'; form-action {form_action}; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )


def style_hash(style: str) -> str:
    """The source expression that lets one inline style through."""
    return f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'"
