"""PatientFacts: what the mappings produce and the model consumes.

A fact is the set of values it may still have, with the evidence it came from. One member is
known, the whole domain is unknown, some members are partly known (a partial date, two records
that disagree). An empty set is a bug and raises. The vocabulary, the unit and the question that
settles each fact are in ``tables/facts.toml``.

Where the record is silent, the default below is the reading of that silence. Reading silence
as "no" is done only where docs/reading-the-article.md says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Generic, TypeVar

from relapse_model.amounts import AmountRange, at_least
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Fact(Generic[V]):
    """The values a fact may still have, and where they were read.

    ``values``: str for a choice; for dates and amounts one or more ranges, meaning their union.
    ``evidence``: resource references (``Condition/c2``), empty when nothing was recorded.
    ``note``: one sentence on how it was read, without anything that identifies the patient.
    ``taken``: when it was observed, for findings.
    """

    values: frozenset[V]
    evidence: tuple[str, ...] = ()
    note: str = ""
    taken: DateRange | None = None

    def __post_init__(self) -> None:
        """An empty set of possible values is a bug, never a state of the chart."""
        if not self.values:
            raise ValueError("a fact without possible values")

    @property
    def on_record(self) -> bool:
        """Whether anything in the record speaks of this fact."""
        return bool(self.evidence)

    @property
    def decided(self) -> bool:
        """Whether one value is left."""
        return len(self.values) == 1


def fact(
    *values: V, evidence: Iterable[str] = (), note: str = "", taken: DateRange | None = None
) -> Fact[V]:
    """A fact that may have any of ``values``."""
    return Fact(frozenset(values), tuple(evidence), note, taken)


@dataclass(frozen=True, slots=True)
class MrdResult:
    """One MRD measurement, as far as it can be read.

    ``fraction``: interval of the fraction of leukaemic cells (0.01 % = 1e-4), or None when unit,
    sensitivity or number cannot be established (R-M2, R-M5). ``method``: ``flow``, ``pcr``
    (Ig/TCR), ``ngs``, ``fusion_transcript`` or ``unknown``. ``specimen``: ``marrow``, ``blood``,
    ``other`` or ``unknown``. ``text``: the result as reported.
    """

    taken: DateRange
    fraction: AmountRange | None
    method: str
    specimen: str
    text: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Donor:
    """A donor on record: ``kind`` sibling, related, unrelated, cord_blood or haploidentical."""

    kind: str
    match: str = ""
    nk_alloreactive: bool | None = None
    tnc_per_kg: AmountRange | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something the reading noticed: a flag of decision.md, one sentence, the resources."""

    flag: str
    text: str
    evidence: tuple[str, ...] = ()


ANY_DAY: Fact[DateRange] = fact(DateRange(FIRST_DAY, LAST_DAY))
"""What a date may be when none is recorded."""

ANY_AMOUNT: Fact[AmountRange] = fact(at_least(0))
ANY_PERCENTAGE: Fact[AmountRange] = fact(AmountRange(Decimal(0), Decimal(100)))


@dataclass(frozen=True, kw_only=True)
class PatientFacts:
    """Everything the relapse model asks about one child, each fact with its evidence.

    The defaults are the reading of silence. Fact names are those of decision.md (``facts``,
    ``wanted``).
    """

    as_of: date
    """The day the question is asked: nothing in the record can have happened later."""

    # The child
    birth_date: Fact[DateRange] = ANY_DAY
    sex: Fact[str] = fact("female", "male")
    deceased: Fact[str] = fact("no")
    down_syndrome: Fact[str] = fact("no")

    # The disease and its course
    disease: Fact[str] = fact("other")
    immunophenotype: Fact[str] = fact("BCP", "T")
    diagnosis_date: Fact[DateRange] = ANY_DAY
    cr1_achieved: Fact[str] = fact("yes")
    cr1_date: Fact[DateRange] = ANY_DAY
    therapy_end: Fact[DateRange] = ANY_DAY
    on_therapy: Fact[str] = fact("yes", "no")
    therapy_completed: Fact[str] = fact("yes", "no")
    relapse_number: Fact[str] = fact("0")
    relapse_date: Fact[DateRange] = ANY_DAY

    # Sites of the relapse
    marrow_blasts: Fact[AmountRange] = ANY_PERCENTAGE
    marrow_confirmation: Fact[str] = fact("not_reported")
    csf_wbc: Fact[AmountRange] = ANY_AMOUNT
    csf_rbc: Fact[AmountRange] = ANY_AMOUNT
    csf_blasts: Fact[str] = fact("seen", "not_seen")
    blood_wbc: Fact[AmountRange] = ANY_AMOUNT
    blood_rbc: Fact[AmountRange] = ANY_AMOUNT
    cranial_nerve_palsy: Fact[str] = fact("no")
    cns_imaging: Fact[str] = fact("leukaemia", "no_leukaemia")
    cns_site: Fact[str] = fact("not_asserted")
    testis_left: Fact[str] = fact("not_involved")
    testis_right: Fact[str] = fact("not_involved")
    testis_biopsy_left: Fact[str] = fact("positive", "negative")
    testis_biopsy_right: Fact[str] = fact("positive", "negative")
    other_em: Fact[str] = fact("none")

    # Response and biology
    mrd: tuple[MrdResult, ...] = ()
    relapse_therapy_start: Fact[DateRange] | None = None
    genetics: Fact[str] = fact("not_reported")
    abl_mutation: Fact[str] = fact("not_reported")
    cr2: Fact[str] = fact("not_assessed")

    # Treatment already given
    prior_hsct: Fact[str] = fact("no")
    prior_cranial_rt_gy: Fact[AmountRange] = ANY_AMOUNT
    prior_tbi: Fact[str] = fact("no")
    hsct_after_relapse: Fact[str] = fact("no")
    local_therapy_given: Fact[str] = fact("no")
    donors: tuple[Donor, ...] = ()

    remarks: tuple[Remark, ...] = ()
    """What the reading of the record noticed; becomes ``flags``."""

    def with_facts(self, **changes: Any) -> PatientFacts:  # noqa: ANN401 - values are Facts
        """A copy with some facts replaced."""
        return replace(self, **changes)

    def named(self) -> Mapping[str, Fact[Any]]:
        """Every single-valued fact by its name, in the order above."""
        return {name: known for name, known in vars(self).items() if isinstance(known, Fact)}
