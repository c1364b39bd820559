"""docs/security.md names tests that exist, so that what it claims is held."""

from __future__ import annotations

import re
from pathlib import Path

FEWEST = 25


def test_every_test_that_the_security_page_names_exists(root: Path) -> None:
    """A renamed test would leave a claim without proof."""
    text = (root / "docs" / "security.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (root / path).is_file()
        or (name and f"def {name}(" not in (root / path).read_text("utf-8"))
    ]

    assert len(named) >= FEWEST
    assert not missing


def test_the_security_policy_leads_to_what_is_promised(root: Path) -> None:
    """The file that hosting sites look for, and its links."""
    text = (root / "SECURITY.md").read_text("utf-8")
    links = re.findall(r"\]\(([\w./-]+)\)", text)

    assert links
    assert all((root / link).is_file() for link in links)
