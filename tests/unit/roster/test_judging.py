"""Findings stand on sources that were fetched, or are unsupported."""

from apps.agents.roster.research.judging import Finding, judged


def test_a_finding_keeps_the_sources_that_are_known_and_without_one_is_unsupported() -> None:
    good = Finding(finding="a", confidence=0.5, source_ids=("S1", "S9", "S1"))
    invented = Finding(finding="b", confidence=1.0, source_ids=("S9",))
    bare = Finding(finding="c", confidence=0.1)
    kept, unsupported = judged([good, invented, bare], known=["S1", "S2"], fetched=["S1", "S2"])
    assert kept == (Finding(finding="a", confidence=0.5, source_ids=("S1",)),)
    assert unsupported == (Finding(finding="b", confidence=1.0), bare)


def test_what_is_remembered_may_be_cited_and_bears_nothing_alone() -> None:
    both = Finding(finding="a", confidence=0.5, source_ids=("S1", "S2"))
    remembered = Finding(finding="b", confidence=1.0, source_ids=("S1",))
    assert judged([both, remembered], known=["S1", "S2"], fetched=["S2"]) == ((both,), (remembered,))
