"""The source attributes of the intervention, as a page and as JSON; made once a day."""

from __future__ import annotations

import tomllib
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from cds_service.answers import json_answer
from cds_service.cards.words import card_words
from cds_service.errors import WordsError
from cds_service.health import software_version
from cds_service.hook_routes import known_service
from relapse_model.loader import tables

ATTRIBUTES = 13
"""An evidence-based decision-support intervention has this many (integration: regulation)."""

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.4rem .6rem;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere}th{width:14rem;font-weight:600}"
)
"""The one style of the page; its hash is what the content security policy lets through."""


PAGE_POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + b64encode(sha256(STYLE.encode()).digest()).decode()
    + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""Content security policy of the page: its own style and nothing else."""


def source_attributes(as_of: date | None = None) -> dict[str, Any]:
    """Attributes, intended use, population, limits, versions and upkeep as of a day, or today.

    Raises WordsError if they are not whole.
    """
    text = files("cds_service").joinpath("source_attributes.toml").read_text("utf-8")
    return attributes_from(text, as_of or _today())


def attributes_from(text: str, as_of: date) -> dict[str, Any]:
    """The document of one TOML file; raises WordsError naming what is missing.

    ``as_of``: the day for which it says what was not looked at for more than a year.
    """
    data = tomllib.loads(text)
    if len(data["attributes"]) != ATTRIBUTES:
        raise WordsError("source_attributes.toml", f"must have {ATTRIBUTES} attributes")
    for row in data["attributes"]:
        if not (row.get("name", "").strip() and row.get("value", "").strip()):
            raise WordsError("source_attributes.toml", "an attribute has no name or value")
    model = tables()
    checked = max(source.last_checked for source in model.sources.values())
    known = {"version": software_version(), "checked": checked.isoformat()}
    return {
        "title": data["title"],
        "intendedUse": data["intended_use"],
        "population": data["population"],
        "limits": list(data["limits"]),
        "notValidated": list(data["not_validated"]),
        "attributes": [
            {"name": row["name"], "value": row["value"].format(**known)}
            for row in data["attributes"]
        ],
        "software": known["version"],
        "tables": model.digest,
        "sources": [
            {
                "citation": source.citation,
                **({"link": source.link} if source.link else {}),
                "verified": source.verified,
                "lastChecked": source.last_checked.isoformat(),
                "howRead": source.how_read,
            }
            for source in model.sources.values()
        ],
        "upkeep": [
            {"table": kept.table, "owner": kept.owner, "reviewed": kept.reviewed.isoformat()}
            for kept in model.upkeep
        ],
        "overdue": [str(item) for item in model.overdue(as_of)],
        "caveat": card_words().closing["caveat"],
    }


def page(document: Mapping[str, Any]) -> str:
    """The document as HTML: escaped, without script, and readable without anything else."""
    title = escape(document["title"])
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>",
        f"<p><strong>{escape(document['caveat'])}</strong></p>",
        _section("Intended use", f"<p>{escape(document['intendedUse'])}</p>"),
        _section("Population", f"<p>{escape(document['population'])}</p>"),
        _section("Limits", _list(document["limits"])),
        _section("What was not validated", _list(document["notValidated"])),
        _section(
            "The 13 source attributes",
            _table((row["name"], row["value"]) for row in document["attributes"]),
        ),
        _section(
            "Version",
            _table([("Software", document["software"]), ("Decision tables", document["tables"])]),
        ),
        _section("Sources", _list(_source(row) for row in document["sources"])),
        _section("Upkeep", _upkeep(document)),
        "</main></body></html>",
    ]
    return "\n".join(parts)


def _source(row: Mapping[str, str]) -> str:
    link = f" {row['link']}." if "link" in row else ""
    return (
        f"{row['citation']}.{link} Verified: {row['verified']}, last checked {row['lastChecked']}. "
        f"{row['howRead']}"
    )


def _upkeep(document: Mapping[str, Any]) -> str:
    told = (
        (
            row["table"],
            f"last compared with its sources on {row['reviewed']}; owner: {row['owner']}",
        )
        for row in document["upkeep"]
    )
    if not document["overdue"]:
        return _table(told)
    warning = "This content was not looked at for more than a year. Ask whoever runs the service."
    return f"<p><strong>{warning}</strong></p>{_list(document['overdue'])}{_table(told)}"


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{body}</section>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    cells = (
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
        for name, value in rows
    )
    return f"<table><tbody>{''.join(cells)}</tbody></table>"


@lru_cache(maxsize=2)
def _made(day: date) -> tuple[bytes, str]:
    """JSON and page as of ``day``: what is overdue changes with it."""
    document = source_attributes(day)
    return msgspec.json.encode(document), page(document)


def _today() -> date:
    return datetime.now(UTC).date()


def source_attributes_routes() -> Blueprint:
    """The page for a browser; JSON for whoever asks for it, or for the address with ``.json``."""
    _made(_today())  # a fault in it refuses to start
    routes = Blueprint("source_attributes", __name__)

    @routes.get("/cds-services/<service_id>/source-attributes")
    def _attributes(service_id: str) -> Response:
        known_service(service_id)
        if request.accept_mimetypes.best_match(["text/html", "application/json"]) != "text/html":
            return json_answer(_made(_today())[0])
        response = Response(_made(_today())[1], mimetype="text/html")
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.vary.add("Accept")
        return response

    @routes.get("/cds-services/<service_id>/source-attributes.json")
    def _attributes_json(service_id: str) -> Response:
        known_service(service_id)
        return json_answer(_made(_today())[0])

    return routes
