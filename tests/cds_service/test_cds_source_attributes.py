"""What the advice rests on, for whoever asks: thirteen attributes, limits, versions."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service.errors import WordsError
from cds_service.source_attributes import attributes_from, page, source_attributes
from relapse_model.loader import tables

SHIPPED = files("cds_service").joinpath("source_attributes.toml").read_text("utf-8")
URL = f"{SERVICE}/source-attributes"
NOT_USED = {
    "Use of race",
    "Use of ethnicity",
    "Use of language",
    "Use of sexual orientation",
    "Use of gender identity",
    "Use of social determinants of health",
    "Use of health status assessments",
}


class Page(HTMLParser):
    """Which elements a page has, and its text."""

    def __init__(self) -> None:
        """Nothing read yet."""
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += data


def test_there_are_thirteen_attributes_and_none_is_empty() -> None:
    """45 CFR 170.315(b)(11)(iv): evidence-based intervention; every "not used" is said."""
    attributes = {row["name"]: row["value"] for row in source_attributes()["attributes"]}
    assert len(attributes) == 13
    assert all(value.strip() and "{" not in value for value in attributes.values())
    assert {name for name, value in attributes.items() if value == "Not used."} == NOT_USED
    assert "10.1182/blood-2012-02-265884" in attributes["Bibliographic citation"]


def test_the_document_says_what_it_is_made_of_and_what_was_not_validated() -> None:
    """Intended use, population, limits, model version, digest of the tables, every source."""
    document = source_attributes()
    assert document["tables"] == tables().digest
    assert document["software"]
    assert "Not a medical device" in document["intendedUse"]
    assert document["population"]
    assert document["limits"]
    assert document["notValidated"]
    assert len(document["sources"]) == len(tables().sources)


def test_a_browser_gets_a_page_and_a_program_gets_json(client: FlaskClient) -> None:
    """One address, by Accept; JSON also under ``.json``."""
    browser = client.get(URL, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser.content_type == "text/html; charset=utf-8"
    assert "Accept" in browser.headers["Vary"]
    program = client.get(URL, headers={"Accept": "application/json"})
    assert program.json == client.get(f"{URL}.json").json == source_attributes()
    assert client.get("/cds-services/other/source-attributes").status_code == 404
    assert client.get("/cds-services/other/source-attributes.json").status_code == 404


def test_the_page_has_no_script_and_a_policy_that_would_not_let_one_run(
    client: FlaskClient,
) -> None:
    """Its own style alone, by hash; nothing to load, no frame, no form."""
    response = client.get(URL, headers={"Accept": "text/html"})
    policy = response.headers["Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", response.text)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    read = Page()
    read.feed(response.text)
    assert not read.elements & {"script", "iframe", "img", "link", "form", "object", "a"}
    assert not any(name.startswith("on") or name == "style" for name in read.attributes)
    assert "Relapsed childhood ALL: source attributes" in read.text


def test_the_page_escapes_what_it_shows() -> None:
    """A source may be called anything."""
    document = source_attributes()
    document["limits"] = ["<script>alert(1)</script> & more"]
    assert "<script>" not in page(document)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in page(document)


def test_the_page_says_everything_that_the_json_says(client: FlaskClient) -> None:
    """Attributes, limits and sources are on both."""
    read = Page()
    read.feed(client.get(URL, headers={"Accept": "text/html"}).text)
    document = source_attributes()
    for row in document["attributes"]:
        assert row["value"] in read.text
    for text in [*document["limits"], *document["notValidated"], document["caveat"]]:
        assert text in read.text
    for source in document["sources"]:
        assert source["citation"] in read.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value = "Not used."', 'value = " "'),
        ('\n[[attributes]]\nname = "Use of race"', "\n[x]\nn=1"),
    ],
)
def test_a_missing_attribute_is_an_error_at_start(old: str, new: str) -> None:
    """Nobody would notice it on the page."""
    assert old in SHIPPED
    with pytest.raises(WordsError):
        attributes_from(SHIPPED.replace(old, new, 1), date(2026, 11, 24))


def test_the_page_names_who_answers_for_each_table_and_warns_after_a_year() -> None:
    """In the year of the review no warning; after it, what is overdue and since when."""
    fresh, late = (source_attributes(date(year, 11, 22)) for year in (2026, 2030))
    assert fresh["overdue"] == []
    assert {row["table"] for row in fresh["upkeep"]} == {item.table for item in tables().upkeep}
    assert "not looked at for more than a year" not in page(fresh)
    read = Page()
    read.feed(page(late))
    assert "not looked at for more than a year" in read.text
    assert len(late["overdue"]) == len(tables().upkeep) + len(tables().sources)
    for told in late["overdue"]:
        assert told in read.text
