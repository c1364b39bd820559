"""The cards in a real browser, at the widths of an EHR's panel: nothing overflows, nothing acts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from card_panel import panel
from flask.testing import FlaskClient
from hostile_text import HOSTILE, cards_with
from playwright.sync_api import Page

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.sample_patients.samples import samples

WIDTHS = (320, 600)
SHOWN = [child.patient_id for child in samples().values() if child.shown]
KEPT = os.environ.get("CARD_SCREENSHOTS", "")
"""A folder that the screenshots are kept in; nowhere without it."""

OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  const wide = [...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > width + 0.5 || e.scrollWidth > e.clientWidth + 1
      && getComputedStyle(e).display !== "inline")
    .map(e => e.tagName + ": " + e.textContent.slice(0, 60));
  return {page: document.documentElement.scrollWidth, width, wide};
}"""
ACTING = "img,script,iframe,input,svg,object,embed,form,details,a[href],video,style:not(head style)"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """The service with its sample patients."""
    database = tmp_path_factory.mktemp("cards") / "feedback.sqlite3"
    return create_app(Config(feedback_database=f"sqlite:///{database}")).test_client()


def cards_of(client: FlaskClient, patient_id: str) -> list[dict[str, Any]]:
    """The cards that the service answers with for a sample patient."""
    body = client.get(f"/sample-requests/{patient_id}").json
    response = client.post("/cds-services/relapsed-all-stratification", json=body)
    cards: list[dict[str, Any]] = response.json["cards"]
    return cards


def assert_fits(tab: Page, width: int) -> None:
    """No element is wider than the panel, and nothing is cut off."""
    tab.set_viewport_size({"width": width, "height": 800})
    measured = tab.evaluate(OVERFLOW)
    assert measured["wide"] == []
    assert measured["page"] <= measured["width"] == width


@pytest.mark.parametrize("patient_id", SHOWN)
def test_no_card_of_a_sample_child_is_wider_than_its_panel(
    client: FlaskClient, tab: Page, patient_id: str
) -> None:
    """At 320 and 600 pixels, without help of the client's style sheet."""
    tab.set_content(panel(cards_of(client, patient_id)))
    for width in WIDTHS:
        assert_fits(tab, width)
        if KEPT:
            for place, card in enumerate(tab.locator(".card").all()):
                name = f"{patient_id.removeprefix('sample-')}-{place + 1}-{width}.png"
                card.screenshot(path=Path(KEPT) / name)


def test_no_hostile_string_acts_or_breaks_the_panel(tab: Page) -> None:
    """No element that loads, runs, links or asks; the string itself is read; the panel holds."""
    harmless = [card for card in cards_with("harmless") if card]
    tab.set_content(panel(harmless))
    plain = tab.evaluate("document.querySelectorAll('.detail *').length")
    assert len(HOSTILE) >= 29
    for text in HOSTILE:
        tab.set_content(panel(cards_with(text)))
        assert tab.locator(ACTING).count() == 0, text
        assert tab.evaluate("document.querySelectorAll('.detail *').length") == plain, text
        assert_fits(tab, 320)


def test_a_long_opaque_id_breaks_and_does_not_push_the_panel(tab: Page) -> None:
    """Ids of 64 characters without a place to break are usual in some records."""
    identifier = "eM5CWtq15N0WJeuCet5bJlQ3" * 2 + "aB3dEfGh12345678"
    assert len(identifier) == 64
    tab.set_content(panel(cards_with(f"Observation/{identifier}")))
    assert_fits(tab, 320)
    assert identifier in tab.inner_text("body").replace("\u200b", "")
