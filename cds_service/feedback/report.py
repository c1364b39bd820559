"""``python -m cds_service feedback``: acceptance and override reasons per kind of card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from cds_service.feedback.outcomes import ACCEPTED

NOTHING = "No feedback yet."
_NO_REASON = "no reason given"


def report(counted: Iterable[tuple[str, str, str, int]]) -> str:
    """A table of text from (topic, outcome, reason, how often).

    Cards that nobody answered are not in it, because a client does not tell of them.
    """
    outcomes: dict[str, Counter[str]] = {}
    reasons: dict[str, Counter[str]] = {}
    for topic, outcome, reason, number in counted:
        outcomes.setdefault(topic, Counter())[outcome] += number
        if outcome != ACCEPTED:
            reasons.setdefault(topic, Counter())[reason or _NO_REASON] += number
    if not outcomes:
        return NOTHING
    lines = [f"{'card':18}{'accepted':>10}{'overridden':>12}{'acceptance':>12}"]
    for topic in sorted(outcomes):
        accepted = outcomes[topic][ACCEPTED]
        total = outcomes[topic].total()
        lines.append(
            f"{topic:18}{accepted:>10}{total - accepted:>12}{100 * accepted // total:>11} %"
        )
        lines += [
            f"  {number:>6} {reason}"
            for reason, number in sorted(
                reasons.get(topic, Counter()).items(), key=lambda item: (-item[1], item[0])
            )
        ]
    return "\n".join(lines)
