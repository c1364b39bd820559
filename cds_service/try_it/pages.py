"""The try-it page: what an EHR would send, and what it would show; development only."""

from __future__ import annotations

from flask import Blueprint

from cds_service.config import Config


def try_it(_config: Config) -> Blueprint:
    """The routes of the try-it page and its files."""
    return Blueprint(
        "try_it",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/try-it/static",
    )
