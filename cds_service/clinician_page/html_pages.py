"""HTML of the clinician's page as answers: what a browser may do with it, and faults in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from flask import Response

from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.content_policy import content_policy, style_hash

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.0625rem/1.55 system-ui,sans-serif;max-width:38rem;margin:12vh auto;"
    "padding:0 1.25rem;color:#1b2530;background:#fff}"
    "h1{font-size:1.5rem;line-height:1.25;border-left:.35rem solid #9a5b00;padding-left:.75rem}"
    "@media(prefers-color-scheme:dark){body{color:#e8edf2;background:#141a20}"
    "h1{border-color:#f0b04f}}"
)


def html_page(html: str, embedders: Sequence[str], styles: str = "'self'") -> Response:
    """A page that loads nothing from elsewhere; ``embedders``: origins that may frame it."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = content_policy(styles=styles, embedders=embedders)
    return response


def fault_page(fault: LaunchFault, embedders: Sequence[str]) -> Response:
    """The page of a launch that failed: fixed words, and no data."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(fault.heading)}</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><main><h1>{escape(fault.heading)}</h1>"
        f"<p>{escape(fault.advice)}</p></main></body></html>"
    )
    response = html_page(html, embedders, style_hash(_STYLE))
    response.status_code = fault.status
    return response
