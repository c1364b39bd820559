"""Right requests made wrong: in their JSON, in their bytes and in their headers.

Every case follows from its number alone, so that one that fails can be made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from tests.fuzz import canaries
from tests.fuzz.seeds import feedback_requests, hook_requests
from tests.fuzz.wrong_values import (
    DATES,
    HEADERS,
    NAMES,
    NUMBERS,
    RAW,
    RAW_VALUES,
    STATUSES,
    TEXTS,
    UNITS,
)
from tests.support.known_codings import CODINGS

SERVICE = "/cds-services/relapsed-all-stratification"
FEEDBACK = f"{SERVICE}/feedback"
Node = dict[str, Any] | list[Any]

_MARKED = re.compile(rf'"{RAW}(\d+)"')


@dataclass(frozen=True)
class Case:
    """One request: where to, its body and headers, and what was done to it."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    done: tuple[str, ...] = ()


def case(number: int, seed: int = 0) -> Case:
    """The case of a number."""
    chance = Random(f"{seed}:{number}")  # noqa: S311 - a choice of test cases
    path, sources = (
        (SERVICE, hook_requests())
        if chance.random() < 0.93
        else (
            FEEDBACK,
            feedback_requests(),
        )
    )
    body, done = chance.choice(sources), []
    if chance.random() < 0.92:
        body, done = _in_json(body, sources, chance)
    if chance.random() < 0.08:
        change = chance.choice(IN_BYTES)
        body, done = change(body, chance), [*done, change.__name__]
    headers = {"Content-Type": "application/json"}
    if chance.random() < 0.06:
        headers |= chance.choice(HEADERS)
        done.append("headers")
    if chance.random() < 0.005:
        path, method = chance.choice([(path, "PUT"), (path + "/", "POST"), (path + "x", "POST")])
        return Case(path, body, headers, method, (*done, "address"))
    return Case(path, body, headers, "POST", tuple(done))


def _in_json(body: bytes, sources: tuple[bytes, ...], chance: Random) -> tuple[bytes, list[str]]:
    """One to six changes of the document, written again in one of several ways."""
    document = msgspec.json.decode(body)
    done = []
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 4, 6])):
        change = chance.choice(IN_JSON)
        place = _place(document, chance)
        if place is not None:
            change(*place, chance)
            done.append(change.__name__)
    if chance.random() < 0.05:
        _take_from_another(document, msgspec.json.decode(chance.choice(sources)), chance)
        done.append("another_record")
    written = _written(document, chance)
    written = _MARKED.sub(lambda mark: RAW_VALUES[int(mark[1])], written)
    return written.encode("utf-8", "surrogatepass"), done


def _written(document: Any, chance: Random) -> str:
    """As most writers would, and now and then as others do."""
    if chance.random() < 0.9:
        try:
            return msgspec.json.encode(document).decode()
        except (OverflowError, UnicodeEncodeError):  # a number or text that this one cannot write
            pass
    indent = 1 if chance.random() < 0.3 else None
    return json.dumps(document, ensure_ascii=chance.random() < 0.5, indent=indent)


def _place(document: Any, chance: Random) -> tuple[Node, Any] | None:
    """Some element and the key under which it stands, at any depth, mostly in the record."""
    found, key = None, None
    node = document
    if isinstance(node, dict) and chance.random() < 0.85:
        node = node.get("prefetch", node.get("feedback"))
        node = chance.choice(list(node.values())) if isinstance(node, dict) and node else node
    while isinstance(node, (dict, list)) and node:
        if found is not None and chance.random() < 0.12:
            break
        key = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        found, node = node, node[key]
    return None if found is None else (found, key)


Change = Callable[[Any, Any, Random], None]


def _any_value(chance: Random) -> Any:
    values: list[Any] = [
        None,
        True,
        False,
        [],
        {},
        chance.choice(NUMBERS),
        chance.choice(TEXTS),
        chance.choice(DATES),
        chance.choice(TEXTS) if chance.random() < 0.7 else _raw(chance),
        {"value": chance.choice(NUMBERS), "code": chance.choice(UNITS)},
        {"start": chance.choice(DATES), "end": chance.choice(DATES)},
        {"coding": [chance.choice(CODINGS)]},
        {"reference": chance.choice(TEXTS)},
        [chance.choice(CODINGS)] * chance.choice([1, 2, 30]),
        {"resourceType": chance.choice(["Observation", "Zebra", "Bundle", "OperationOutcome"])},
    ]
    return chance.choice(values)


def _raw(chance: Random) -> str:
    return f"{RAW}{chance.randrange(len(RAW_VALUES))}"


def replaced(node: Any, key: Any, chance: Random) -> None:
    """Another value of any type."""
    node[key] = _any_value(chance)


def removed(node: Any, key: Any, _chance: Random) -> None:
    """Nothing."""
    del node[key]


def repeated(node: Any, key: Any, chance: Random) -> None:
    """The same again and again, in a list."""
    times = chance.choice([2, 2, 3, 10, 100])
    if isinstance(node, list):
        node[key:key] = [node[key]] * (times - 1)
    else:
        node[key] = [node[key]] * times


def renamed(node: Any, key: Any, chance: Random) -> None:
    """Under another name."""
    if isinstance(node, dict):
        other = chance.choice([*NAMES, str(key).upper(), f"_{key}", f"{key} "])
        node[other] = node.pop(key)


def added(node: Any, _key: Any, chance: Random) -> None:
    """One member or element more."""
    if isinstance(node, dict):
        node[chance.choice(NAMES)] = _any_value(chance)
    else:
        node.insert(chance.randrange(len(node) + 1), _any_value(chance))


def shuffled(node: Any, _key: Any, chance: Random) -> None:
    """In another order."""
    if isinstance(node, list):
        chance.shuffle(node)
    else:
        items = list(node.items())
        chance.shuffle(items)
        node.clear()
        node.update(items)


def nested(node: Any, key: Any, chance: Random) -> None:
    """Deep inside."""
    for _ in range(chance.choice([1, 2, 20, 300])):
        node[key] = [node[key]] if chance.random() < 0.5 else {"a": node[key]}


def retyped(node: Any, key: Any, _chance: Random) -> None:
    """A text for a number, a number for a text."""
    value = node[key]
    if isinstance(value, str):
        digits = "".join(filter(str.isdigit, value))[:15]
        node[key] = int(digits or 0) if digits.isascii() else 0
    elif not isinstance(value, (dict, list)):
        node[key] = str(value)


def recoded(node: Any, _key: Any, chance: Random) -> None:
    """Another code that we know."""
    if isinstance(node, dict):
        coding = chance.choice(CODINGS)
        node.update(
            coding if "code" in node or "system" in node else {"code": {"coding": [coding]}}
        )


def redated(node: Any, key: Any, chance: Random) -> None:
    """Another date, or none."""
    names = ["onsetDateTime", "recordedDate", "effectiveDateTime", "performedDateTime", "birthDate"]
    if isinstance(node, dict):
        at = next((name for name in names if name in node), key)
        node[at] = chance.choice(DATES)


def remeasured(node: Any, _key: Any, chance: Random) -> None:
    """Another result."""
    if isinstance(node, dict):
        unit = chance.choice(UNITS)
        value = {"value": chance.choice(NUMBERS), "unit": unit, "code": unit}
        value |= (
            {"comparator": chance.choice(["<", ">", "<=", "~"])} if chance.random() < 0.3 else {}
        )
        node["valueQuantity"] = value


def restated(node: Any, _key: Any, chance: Random) -> None:
    """Another status."""
    if isinstance(node, dict):
        node["status"] = chance.choice(STATUSES)
        system = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
        coding = {"system": system, "code": chance.choice(["refuted", "entered-in-error", "x"])}
        if "verificationStatus" in node:
            node["verificationStatus"] = {"coding": [coding]}


def reassigned(node: Any, _key: Any, chance: Random) -> None:
    """About somebody else, or nobody."""
    if isinstance(node, dict):
        node["subject"] = {"reference": chance.choice(TEXTS)}


def paged(node: Any, _key: Any, chance: Random) -> None:
    """A part of more."""
    if isinstance(node, dict):
        url = chance.choice([f"{canaries.SERVER}?page=2", "https://evil.example/x", "", "//x", 5])
        node["link"] = [{"relation": "next", "url": url}]
        node["total"] = chance.choice(NUMBERS)


def outcomes(node: Any, key: Any, chance: Random) -> None:
    """What a server says instead of data."""
    severity = chance.choice(["error", "warning", "fatal", "information", 5])
    issue = [{"severity": severity, "diagnostics": canaries.NAME}]
    node[key] = {"resourceType": "OperationOutcome", "issue": issue}


IN_JSON: list[Change] = [
    replaced,
    replaced,
    removed,
    repeated,
    renamed,
    added,
    shuffled,
    nested,
    retyped,
    recoded,
    recoded,
    redated,
    redated,
    remeasured,
    remeasured,
    restated,
    reassigned,
    paged,
    outcomes,
]


def _take_from_another(document: Any, other: Any, chance: Random) -> None:
    """A part of another record."""
    ours, theirs = document.get("prefetch"), other.get("prefetch")
    if isinstance(ours, dict) and isinstance(theirs, dict):
        key = chance.choice(list(theirs))
        ours[key] = theirs[key]


def cut_off(body: bytes, chance: Random) -> bytes:
    """Its beginning."""
    return body[: chance.randrange(len(body) + 1)]


def flipped(body: bytes, chance: Random) -> bytes:
    """Some bytes are others."""
    changed = bytearray(body)
    for _ in range(chance.choice([1, 1, 2, 8])):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def put_in(body: bytes, chance: Random) -> bytes:
    """Some bytes more."""
    at = chance.randrange(len(body) + 1)
    return body[:at] + chance.randbytes(chance.choice([1, 2, 30])) + body[at:]


def taken_out(body: bytes, chance: Random) -> bytes:
    """Some bytes less."""
    at = chance.randrange(len(body) + 1)
    return body[:at] + body[at + chance.choice([1, 2, 30, 1_000]) :]


def said_twice(body: bytes, chance: Random) -> bytes:
    """A part of it again."""
    at = chance.randrange(len(body) + 1)
    end = at + chance.choice([1, 20, 500])
    return body[:end] + body[at:]


def member_twice(body: bytes, chance: Random) -> bytes:
    """A member of the hook that stands twice."""
    name = chance.choice(["hook", "hookInstance", "context", "prefetch", "fhirServer"])
    return body[:1] + f'"{name}":{chance.choice(["null", "{}", chr(34) * 2])},'.encode() + body[1:]


def other_encoding(body: bytes, chance: Random) -> bytes:
    """Not UTF-8, or with a byte order mark."""
    text = body.decode("utf-8", "replace")
    return text.encode(chance.choice(["utf-16", "utf-32", "utf-8-sig", "utf-16-be"]))


def after_it(body: bytes, chance: Random) -> bytes:
    """Something behind it."""
    return body + chance.choice([b"\n", b"{}", b"]", b"\x00", b" " * 10_000, body[:100]])


IN_BYTES = [
    cut_off,
    flipped,
    put_in,
    taken_out,
    said_twice,
    member_twice,
    other_encoding,
    after_it,
]
