"""The complete discrete input space of the model, world by world."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import product

from children import CNS3, amount, day, first_relapse

from relapse_model.amounts import exactly
from relapse_model.dates import known
from relapse_model.decide import Fired, _outcome, decide
from relapse_model.decision import Decision
from relapse_model.facts import MrdResult, fact
from relapse_model.loader import tables
from relapse_model.regions import Time
from relapse_model.wanted import Outcome

COLUMNS = {
    "disease": ("ALL", "mature_B", "mixed_phenotype", "lymphoblastic_lymphoma", "other"),
    "relapse_number": ("0", "1", "2"),
    "cr1_achieved": ("yes", "no"),
    "age": ("child", "adult"),
    "timing": ("very_early", "early", "late"),
    "site": ("isolated_bm", "combined", "isolated_em", "none", "m2_unconfirmed"),
    "immunophenotype": ("BCP", "T"),
    "mrd": ("good", "borderline", "poor", "indeterminate", "pending"),
    "genetics": ("adverse", "not_adverse"),
    "cr2": ("achieved", "not_achieved", "not_assessed"),
    "prior_hsct": ("yes", "no"),
}

INTENSITY = {
    "CHEMO_LOCAL_NO_HSCT": 0,
    "CHEMO_CONTINUE": 0,
    "CHEMO_THEN_MRD": 1,
    "HSCT_CONSIDER_GENETICS": 2,
    "HSCT_MRD_BORDERLINE": 2,
    "MDT_CONFLICT_S1_MRD": 2,
    "HSCT_MRD": 3,
    "HSCT_HR": 3,
}
"""How near a plan is to transplantation; plans outside Table 1's allocation have no place here."""

Key = tuple[str, ...]


@cache
def outcomes() -> dict[Key, tuple[Outcome, Fired]]:
    """Every world, what it leads to, and the rows that fired."""
    found = {}
    for key in product(*COLUMNS.values()):
        world: dict[str, object] = dict(zip(COLUMNS, key, strict=True))
        world["time"] = Time(str(world.pop("age")), str(world.pop("timing")))
        fired: Fired = {}
        found[key] = (_outcome(world, tables(), fired), fired)
    return found


def changed(key: Key, column: str, value: str) -> Key:
    """The world that differs in one column."""
    place = list(COLUMNS).index(column)
    return (*key[:place], value, *key[place + 1 :])


def of(key: Key, column: str) -> str:
    """The value of a column in a world."""
    return key[list(COLUMNS).index(column)]


def test_every_world_has_one_plan_and_every_row_of_its_way_is_cited() -> None:
    """Exactly one plan in each world, known to the plan tables, no row without a citation."""
    plans = {
        *tables().decision["plan"].outputs["plan"],
        *tables().decision["course"].outputs["plan"],
        "CONFIRM_RELAPSE",
    } - {"first_relapse"}
    for outcome, fired in outcomes().values():
        assert outcome.plan in plans
        for table, rule in fired.values():
            assert rule.citation.source.citation, (table, rule.id)
            assert rule.citation.place, (table, rule.id)
    print(f"{len(outcomes())} worlds")  # noqa: T201 - how many were walked, shown by -s


def test_worse_mrd_or_an_adverse_lesion_never_lowers_the_intensity() -> None:
    """Monotonicity of the allocation."""
    for key, (outcome, _) in outcomes().items():
        if outcome.plan not in INTENSITY:
            continue
        here = INTENSITY[outcome.plan]
        for better in {"poor": ("borderline", "good"), "borderline": ("good",)}.get(
            of(key, "mrd"), ()
        ):
            assert INTENSITY[outcomes()[changed(key, "mrd", better)][0].plan] <= here
        if of(key, "genetics") == "adverse":
            other = outcomes()[changed(key, "genetics", "not_adverse")][0]
            assert INTENSITY[other.plan] <= here
            assert other.s_group == outcome.s_group


def test_high_risk_never_loses_transplantation_to_a_good_mrd() -> None:
    """S3 and S4 keep HSCT_HR in every world of MRD and genetics."""
    for key, (outcome, _) in outcomes().items():
        if outcome.risk == "HR" and of(key, "cr2") != "not_achieved":
            expected = "EXPERT_POST_HSCT" if of(key, "prior_hsct") == "yes" else "HSCT_HR"
            assert outcome.plan == expected


def test_no_group_outside_a_first_relapse_of_all_in_a_child() -> None:
    """Mature B, other diseases, second relapse, refractory disease and adults have no S-group."""
    for key, (outcome, _) in outcomes().items():
        first_relapse_of_all = (
            of(key, "disease") == "ALL"
            and of(key, "relapse_number") == "1"
            and of(key, "cr1_achieved") == "yes"
            and of(key, "age") == "child"
        )
        assert first_relapse_of_all or not outcome.s_group


CD19_CD22 = ("blinatumomab", "tisagenlecleucel", "inotuzumab", "epratuzumab", "cd19", "cd22")
BCP_ONLY = (*CD19_CD22, "clofarabine-based", "pegylated asparaginase weekly")
ORDERS = ("must be given", "should be given", "administer", "prescribe", "give the child")


def whole_decisions() -> Iterator[tuple[frozenset[str], Decision]]:
    """Lineage and decision over timing, site, lineage, MRD, genetics, response and history."""
    times = ("2023-03-15", "2024-03-20", "2025-02-15")
    sites = (
        {},
        {"marrow_blasts": amount(2), **CNS3},
        {**CNS3},
        {"marrow_blasts": amount(12)},
        {"testis_left": fact("involved"), "testis_biopsy_left": fact("positive", evidence=["x"])},
    )
    lineages = (fact("BCP"), fact("T"), fact("BCP", "T"))
    mrd = (None, "0.00001", "0.0001", "0.001")
    genetics = ("not_reported", "BCR-ABL1", "KMT2A-r", "ETV6-RUNX1")
    courses = (
        {},
        {"cr2": fact("not_achieved")},
        {"prior_hsct": fact("yes")},
        {"relapse_number": fact("2")},
        {"cr1_achieved": fact("no")},
    )
    for time, site, lineage, level, lesion, course in product(
        times, sites, lineages, mrd, genetics, courses
    ):
        relapse = day(time)
        taken = known(next(iter(relapse.values)).earliest + timedelta(days=35))
        results = () if level is None else (MrdResult(taken, exactly(level), "pcr", "marrow"),)
        child = first_relapse(
            relapse_date=relapse,
            immunophenotype=lineage,
            mrd=results,
            genetics=fact(lesion),
            **{**site, **course},
        )
        yield lineage.values, decide(child)


def test_no_decision_carries_a_forbidden_sentence() -> None:
    """CD19 and CD22 agents only for certain BCP, nelarabine for certain T; no 1200, no order."""
    seen = 0
    for lineage, decision in whole_decisions():
        seen += 1
        for item in decision.statements:
            text = item.text.lower()
            assert "1200" not in text
            assert not any(word in text for word in ORDERS), item.id
            if lineage != {"BCP"}:
                assert not any(word in text for word in BCP_ONLY), item.id
            if lineage != {"T"}:
                assert "nelarabine" not in text, item.id
    print(f"{seen} decisions")  # noqa: T201 - as above


def test_no_table_holds_the_withdrawn_dose() -> None:
    """X10: the dose printed in the article stands nowhere, not even as something not to give."""
    for row in tables().statements:
        assert "1200" not in row.text + row.citation.note


def test_unverified_material_and_unreadable_figures_never_reach_a_row() -> None:
    """Provenance is one of four tags, and a figure is only ever cited by caption or legend."""
    rows = [rule.citation for table in tables().decision.values() for rule in table.rules]
    rows += [row.citation for row in tables().statements]
    for citation in rows:
        assert citation.provenance in {"P", "I", "C", "A"}
        if "Figure" in citation.place:
            assert "caption" in citation.place or "legend" in citation.place
