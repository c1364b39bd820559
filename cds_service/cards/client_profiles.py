"""What each kind of client can take: the same cards, in the shape that its vendor documents.

generic   CDS Hooks 2.0.1 as written
sandbox   the public CDS Hooks Sandbox: as generic, which is what it was seen to show
epic      ``selectionBehavior`` any, one action per suggestion, creates of ServiceRequest only
oracle    links only where the client lists them, no ``appContext``

Source: the vendors' documents as collected in docs/conformance.md. Topics are alphanumeric and
stable for every client.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.random_ids import random_uuid

Card = dict[str, Any]
Link = dict[str, str]


@dataclass(frozen=True, slots=True)
class ClientProfile:
    """What is left out or split for one kind of client.

    ``creates``: resource types that it can create; empty = any. ``listed_links_only``: a link is
    sent only where the client lists it. ``app_context``: whether it takes one.
    """

    name: str
    selection_behavior: str = "any"
    one_action_per_suggestion: bool = False
    creates: frozenset[str] = frozenset()
    listed_links_only: bool = False
    app_context: bool = True

    def shown(self, card: Card, links: Sequence[Link], listed: Sequence[str] = ()) -> Card:
        """``card`` as this client takes it, with the links that it may show.

        ``listed``: URL prefixes that the client has on its allow-list.
        """
        shaped = {key: value for key, value in card.items() if key != "suggestions"}
        suggestions = [
            item for suggestion in card.get("suggestions", ()) for item in self._split(suggestion)
        ]
        shaped.pop("selectionBehavior", None)
        if suggestions:
            shaped["suggestions"] = suggestions
            shaped["selectionBehavior"] = self.selection_behavior
        if shown := [dict(self._link(link)) for link in links if self._allows(link, listed)]:
            shaped["links"] = shown
        return shaped

    def _split(self, suggestion: dict[str, Any]) -> Iterator[dict[str, Any]]:
        actions = [action for action in suggestion["actions"] if self._can(action)]
        if not actions:
            return
        if not self.one_action_per_suggestion or len(actions) == 1:
            yield {**suggestion, "actions": actions}
            return
        for action in actions:
            text = action["resource"].get("code", {}).get("text", action["description"])
            yield {
                "label": f"{suggestion['label']}: {text}",
                "uuid": random_uuid(),
                "actions": [action],
            }

    def _can(self, action: dict[str, Any]) -> bool:
        return not self.creates or action["resource"]["resourceType"] in self.creates

    def _allows(self, link: Link, listed: Sequence[str]) -> bool:
        return not self.listed_links_only or any(_is_below(link["url"], item) for item in listed)

    def _link(self, link: Link) -> Link:
        if self.app_context:
            return link
        return {key: value for key, value in link.items() if key != "appContext"}


def _is_below(url: str, prefix: str) -> bool:
    """Whether ``url`` is ``prefix`` or lies below it: a longer host is another host."""
    return url == prefix or url.startswith(f"{prefix.rstrip('/')}/")


PROFILES = {
    profile.name: profile
    for profile in (
        ClientProfile("generic"),
        ClientProfile("sandbox"),
        ClientProfile(
            "epic", one_action_per_suggestion=True, creates=frozenset({"ServiceRequest"})
        ),
        ClientProfile("oracle", listed_links_only=True, app_context=False),
    )
}
"""Every profile by its name."""
