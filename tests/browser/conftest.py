"""A real browser: Debian's chromium, driven by playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""No sandbox: a build machine runs as root. The rest keeps the browser from calling home."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One chromium for the whole run; skips where there is none, fails where CI=true."""
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "chromium is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """What axe-core finds wrong with a page; skips where it is not there, fails where CI=true."""
    script = Path(__file__).parents[1] / "node/node_modules/axe-core/axe.min.js"
    if not script.exists():
        reason = "axe-core is not installed (npm ci --prefix tests/node)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    source = script.read_text("utf-8")

    def found(page: Page) -> list[str]:
        page.evaluate(source)
        told = page.evaluate("axe.run()")["violations"]
        return [f"{rule['id']}: {node['html'][:120]}" for rule in told for node in rule["nodes"]]

    return found


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A new tab without cookies; the test fails if the page wrote an error to the console."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors
