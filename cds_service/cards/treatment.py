"""The cards of treatment: local therapy, transplantation or trial, agents. Options, not orders."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.cards.draft import CardDraft, Conclusion
from cds_service.cards.markdown import bullets, own_text
from cds_service.cards.words import CardWords, either, fitted, spelled
from relapse_model.decision import Decision, Statement

_NO_HSCT_CARD = frozenset({"DATA_ERROR", "CONFIRM_RELAPSE"})


def local_therapy_card(conclusion: Conclusion) -> CardDraft | None:
    """CNS and testes: dose, order, counselling, conflicts; None when no site calls for it."""
    decision, words = conclusion.decision, conclusion.words
    if not decision.local_therapy:
        return None
    texts = words.cards["local_therapy"]
    summary = fitted(texts["summary"], "sites", _sites(decision, words, "_short")) or texts["plain"]
    draft = CardDraft("local_therapy", summary, "info")
    draft.sections.append(bullets(own_text(line) for line in _sites(decision, words, "")))
    draft.add_by_provenance(conclusion.statements("local_therapy"), words)
    if "ALREADY_TREATED" not in decision.flags:
        draft.orders = _local_orders(decision)
    return draft


def transplantation_card(
    conclusion: Conclusion, others: Sequence[Statement] = ()
) -> CardDraft | None:
    """Indication, timing, donors, conditioning; or the trial, or None where neither is open.

    ``others``: sentences on MRD where MRD has no card of its own.
    """
    decision, words = conclusion.decision, conclusion.words
    statements = conclusion.statements("transplantation")
    if decision.plan in _NO_HSCT_CARD:
        return None
    if decision.plan == "TRIAL_PHASE_1_2":
        draft = CardDraft("trial", words.cards["trial"]["summary"], "info", orders=["trial"])
        draft.add_by_provenance([*statements, *others], words)
        return draft
    texts = words.cards["transplantation"]
    if not statements or not conclusion.still_possible & (set(texts) - {"INSUFFICIENT_DATA"}):
        return None
    if decision.plan not in texts:
        return None
    given = any(item.id == "hsct-given" for item in statements)
    draft = CardDraft("transplantation", texts["given" if given else decision.plan], "info")
    lead = [item for item in statements if item.id in words.lead["transplantation"]]
    draft.sections += [draft.references.sentence(item) for item in lead]
    draft.add_by_provenance([item for item in [*statements, *others] if item not in lead], words)
    if decision.plan != "EXPERT_POST_HSCT" and "ALREADY_TREATED" not in decision.flags:
        draft.orders = ["hla_typing", "transplantation", "fertility"]
    return draft


def agents_card(conclusion: Conclusion) -> CardDraft | None:
    """Agents worth discussing, as the model's lineage guard lets them through; None without any."""
    words = conclusion.words
    statements = conclusion.statements("agents")
    if not statements or conclusion.decision.plan in _NO_HSCT_CARD:
        return None
    draft = CardDraft("agents", words.cards["agents"]["summary"], "info")
    draft.add_by_provenance(statements, words)
    if conclusion.abl_mutation_open:
        draft.orders = ["abl_mutation"]
    return draft


def _sites(decision: Decision, words: CardWords, form: str) -> list[str]:
    """The local treatments in words; ``form``: "" in full, "_short" for a summary."""
    local = decision.local_therapy
    lines = []
    if local.cns_rt_gy:
        dose = either(*(str(dose) for dose in local.cns_rt_gy))
        lines.append(words.words["local_therapy"][f"cns_rt_gy{form}"].format(gy=dose))
    lines += [words.words[f"testis{form}"].get(item, spelled(item)) for item in local.testis]
    known = words.words[f"undetermined{form}"]
    return [*lines, *(known.get(item, spelled(item)) for item in local.undetermined)]


def _local_orders(decision: Decision) -> list[str]:
    local = decision.local_therapy
    orders = []
    biopsy_first = any(item.endswith("biopsy_first") for item in local.testis)
    if "testis" in local.undetermined or biopsy_first:
        orders.append("testis_biopsy_left")
    if local.cns_rt_gy or any(item.endswith("gy") for item in local.testis):
        orders.append("radiotherapy")
    if local.testis:
        orders.append("fertility")
    return orders
