"""The browser of these tests is a real one."""

from __future__ import annotations

from playwright.sync_api import Page


def test_the_browser_runs_scripts_and_lays_out_a_page(tab: Page) -> None:
    """Otherwise every other test of this folder would prove nothing."""
    tab.set_viewport_size({"width": 360, "height": 640})
    tab.set_content("<!doctype html><title>t</title><p id=p>0</p>")
    tab.evaluate("document.getElementById('p').textContent = String(window.innerWidth)")

    assert tab.inner_text("#p") == "360"
