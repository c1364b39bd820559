"""Decision values built by hand, and a hypothesis strategy over many of them."""

from __future__ import annotations

from hypothesis import strategies as st

from cds_service.cards.words import PLANS, card_words
from relapse_model.decision import (
    Alternative,
    Answer,
    Decision,
    FactReport,
    LocalTherapy,
    Model,
    Statement,
    Step,
)
from relapse_model.facts import Remark
from relapse_model.loader import tables

MODEL = Model("0.0.0", "sha256:0")
TABLE_1 = Statement(
    id="s3-figures",
    topic="stratification",
    text="S3: 5-year survival with chemotherapy < 5 %, with HSCT 30 %.",
    provenance="P",
    citation="Locatelli 2012, Table 1",
)
HIGH_RISK = Decision(
    model=MODEL,
    plan="HSCT_HR",
    timing=("early",),
    site=("isolated_bm",),
    immunophenotype=("BCP",),
    s_group=("S3",),
    risk=("HR",),
    flags=("DATE_SENSITIVE",),
    facts=(
        FactReport("marrow_blasts", ("80",), ("Observation/o1",), unit="%", taken="2024-03-20"),
        FactReport("relapse_date", ("2024-03-20",), ("Condition/c2",)),
        FactReport("csf_blasts", ("seen", "not_seen")),
    ),
    statements=(TABLE_1,),
    trace=(Step("s_group", ("early-bm-bcp",), (), ()),),
)
UNDECIDED = Decision(
    model=MODEL,
    plan="INSUFFICIENT_DATA",
    plans=("CHEMO_THEN_MRD", "HSCT_HR"),
    timing=("early",),
    site=("combined", "isolated_bm"),
    immunophenotype=("BCP",),
    s_group=("S2", "S3"),
    risk=("HR", "IR"),
    mrd="pending",
    wanted=("csf_blasts", "csf_wbc", "mrd"),
    answers=(
        Answer("csf_blasts", "seen", ("CHEMO_THEN_MRD",), ("S2",)),
        Answer("csf_blasts", "not_seen", ("HSCT_HR",), ("S3",)),
    ),
)

_text = st.text(max_size=200)
_name = st.one_of(st.sampled_from(sorted(tables().facts)), st.just("a_new_fact"))


def _some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True).map(lambda found: tuple(sorted(found)))


decisions = st.builds(
    Decision,
    model=st.just(MODEL),
    plan=st.sampled_from(PLANS),
    plans=_some(*PLANS),
    timing=_some("very_early", "early", "late"),
    site=_some("isolated_bm", "combined", "isolated_em", "none", "m2_unconfirmed"),
    immunophenotype=_some("BCP", "T"),
    s_group=_some("S1", "S2", "S3", "S4"),
    risk=_some("SR", "IR", "HR"),
    mrd=st.sampled_from(
        ["good", "borderline", "poor", "indeterminate", "pending", "not_used", "new_state"]
    ),
    local_therapy=st.builds(
        LocalTherapy,
        cns_rt_gy=st.sampled_from([(), (18,), (15, 18)]),
        testis=_some("bilateral_orchiectomy_or_24gy", "a_new_therapy"),
        undetermined=_some("cns", "testis"),
    ),
    wanted=st.lists(_name, unique=True).map(tuple),
    flags=_some(*card_words().flags, "A_NEW_FLAG"),
    alternatives=st.lists(st.builds(Alternative, scheme=_text, klass=_text), max_size=2).map(tuple),
    facts=st.lists(
        st.builds(
            FactReport,
            fact=_name,
            values=st.lists(_text, min_size=1, max_size=8).map(tuple),
            evidence=st.lists(_text, max_size=6).map(tuple),
            note=_text,
            unit=_text,
            taken=_text,
        ),
        max_size=20,
    ).map(tuple),
    statements=st.lists(
        st.builds(
            Statement,
            id=_text,
            topic=st.sampled_from(["plan", "stratification", "mrd", "a_new_topic"]),
            text=_text,
            provenance=st.sampled_from(["P", "I", "C", "A"]),
            citation=_text,
        ),
        max_size=4,
    ).map(tuple),
    answers=st.lists(
        st.builds(
            Answer,
            fact=_name,
            answer=_text,
            plans=_some(*PLANS),
            s_groups=_some("S1", "S2", "S3", "S4"),
        ),
        max_size=4,
    ).map(tuple),
)
remarks = st.lists(
    st.builds(
        Remark,
        flag=st.sampled_from(["UNREADABLE", "DATA_INCOMPLETE", "A_NEW_FLAG"]),
        text=_text,
        evidence=st.lists(_text, max_size=6).map(tuple),
    ),
    max_size=8,
)
