"""The same facts give the same cards, byte for byte apart from ids and times, wherever they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from card_digest import digest, of_samples
from every_decision import TODAY, every_decision
from served_app import served_app

from cds_service.cards.card_set import cards_for

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "tests/support/card_digest.py"
HASH_SEEDS = ("0", "1", "4242")


def printed(seed: str, *arguments: str) -> str:
    """What the program prints in a process of its own with this seed for the hashes of texts."""
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(  # noqa: S603 - a program of this repository
        [sys.executable, str(PROGRAM), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return done.stdout


def test_another_order_of_sets_and_dictionaries_changes_no_byte() -> None:
    """Texts hash differently in every process: nothing may follow the order of a set."""
    told = {printed(seed) for seed in HASH_SEEDS}
    assert len(told) == 1
    assert len(told.pop().split()) == 2


def test_what_was_fetched_gives_the_same_bytes_as_what_was_sent() -> None:
    """Prefetch and FHIR server are two ways to one record."""
    sent = digest(of_samples(""))
    with served_app() as base:
        assert digest(of_samples(f"{base}/fhir")) == sent


def test_the_digest_sees_a_change_of_one_word() -> None:
    """A digest that is always the same would prove nothing."""
    texts = list(of_samples(""))
    assert len(texts) > 20
    changed = [texts[0].replace("the", "a", 1), *texts[1:]]
    assert digest(iter(changed)) != digest(iter(texts))


def test_no_id_is_given_twice() -> None:
    """Cards, suggestions and the resources in them: unique within an answer and between answers."""
    found: list[str] = []
    for decision in every_decision()[::20]:
        for card in cards_for(decision, as_of=TODAY, patient_id="p1"):
            found.append(card["uuid"])
            for item in card.get("suggestions", ()):
                found.append(item["uuid"])
                found += [action["resource"]["id"] for action in item["actions"]]
    assert len(found) > 500
    assert len(set(found)) == len(found)
