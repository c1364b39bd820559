"""What every response fulfils before it leaves; a violation is a bug of ours, answered with 500.

From the logical models of CDS Hooks (cds-resp-1 to -7) and its prose; the number beside each check
is that of cds-hooks_2.0. Nothing here repairs a response: a card that breaks a rule is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from cds_service.cards.card_set import MOST_CARDS
from cds_service.cards.fixed_parts import refuse_empty
from cds_service.cards.words import SUMMARY_LIMIT
from cds_service.errors import ResponseDefectError

_INDICATORS = frozenset({"info", "warning"})
"""Of the three that are allowed (@88) the two that an opinion of 2012 may have."""

_LONGEST_TOPIC = 100
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ACTIONS = frozenset({"create", "update", "delete"})


def checked(response: dict[str, Any]) -> dict[str, Any]:
    """``response`` itself; raises ResponseDefectError naming the first rule it breaks."""
    cards = response.get("cards")
    _hold("74: cards is an array", isinstance(cards, list))
    assert isinstance(cards, list)  # noqa: S101 - held above; for the type checker
    _hold("at most five cards", len(cards) <= MOST_CARDS)
    refuse_empty({**response, "cards": cards or ["none"]})
    ids = [card.get("uuid") for card in cards]
    for card in cards:
        _check_card(card)
        ids += [item.get("uuid") for item in card.get("suggestions", ())]
    # All cards share the reasons and the links.
    for reason in _distinct(cards, "overrideReasons"):
        _hold("100: override reasons are whole", _texts(reason, ("code", "system", "display")))
    for link in _distinct(cards, "links"):
        _check_link(link)
    _hold("80: uuids are unique", len(ids) == len(set(ids)))
    extension = response.get("extension", {})
    _hold("214: extensions are objects", all(isinstance(v, dict) for v in extension.values()))
    return response


def _hold(rule: str, holds: object) -> None:
    if not holds:
        raise ResponseDefectError(rule)


def _distinct(cards: Iterable[Mapping[str, Any]], name: str) -> Iterable[Mapping[str, Any]]:
    """The items of the arrays of this name, each array once."""
    arrays = {id(card[name]): card[name] for card in cards if name in card}
    return chain.from_iterable(arrays.values())


def _check_card(card: Mapping[str, Any]) -> None:
    summary = card.get("summary")
    _hold("83: summary is text", isinstance(summary, str) and "\n" not in summary)
    _hold("83: summary under 140 characters", len(summary or "") < SUMMARY_LIMIT)
    _hold("80: uuid", _is_uuid(card.get("uuid")))
    _hold("88: indicator", card.get("indicator") in _INDICATORS)
    # Whatever was escaped has no "<" left: raw HTML cannot have been meant.
    _hold("85: detail without HTML", "<" not in card.get("detail", ""))
    _check_source(card.get("source"))
    suggestions = card.get("suggestions", [])
    behaviour = card.get("selectionBehavior")
    _hold("93: selectionBehavior with suggestions", bool(suggestions) == (behaviour is not None))
    _hold("95: selectionBehavior", behaviour in {None, "any", "at-most-one"})
    recommended = sum(item.get("isRecommended") is True for item in suggestions)
    _hold("122: one recommendation", behaviour != "at-most-one" or recommended <= 1)
    for suggestion in suggestions:
        _check_suggestion(suggestion)


def _check_source(source: Any) -> None:  # noqa: ANN401 - what is to be checked
    _hold("90: source", isinstance(source, dict) and _texts(source, ("label",)))
    _hold("107: source.url is absolute", "url" not in source or _is_absolute(source["url"]))
    topic = source.get("topic")
    if topic is not None:
        _hold("115: topic is a Coding", _texts(topic, ("code", "system")))
        code = topic["code"]
        _hold("topic is alphanumeric", code.isalnum() and len(code) <= _LONGEST_TOPIC)


def _check_suggestion(suggestion: Mapping[str, Any]) -> None:
    _hold("117: suggestion.label", _texts(suggestion, ("label",)))
    _hold("119: suggestion.uuid", _is_uuid(suggestion.get("uuid")))
    for action in suggestion.get("actions", ()):
        _hold("127: action.type", action.get("type") in _ACTIONS)
        _hold("128: action.description", _texts(action, ("description",)))
        if action["type"] == "delete":
            _hold("134: delete by resourceId", "resourceId" in action and "resource" not in action)
        else:
            resource = action.get("resource")
            whole = isinstance(resource, dict) and _texts(resource, ("resourceType", "id"))
            _hold("131: a whole resource with a temporary id", whole)


def _check_link(link: Mapping[str, Any]) -> None:
    _hold("138, 139, 141: link is whole", _texts(link, ("label", "url", "type")))
    _hold("142: link.type", link["type"] in {"absolute", "smart"})
    _hold("139: link.url is absolute", _is_absolute(link["url"]))
    _hold("147: appContext with smart alone", "appContext" not in link or link["type"] == "smart")


def _texts(value: Mapping[str, Any], names: Iterable[str]) -> bool:
    for name in names:
        text = value.get(name)
        if not isinstance(text, str) or not text or text.isspace():
            return False
    return True


def _is_uuid(text: object) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def _is_absolute(url: object) -> bool:
    return isinstance(url, str) and _is_absolute_text(url)


@lru_cache(maxsize=100)  # every address here is one of our settings
def _is_absolute_text(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
