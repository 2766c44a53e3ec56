"""Which findings rest on something that was fetched: what agents remember may be cited, but bears nothing. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that was found out, how sure it is (0 to 1), and the ids of the sources that say so."""

    finding: str
    confidence: Annotated[float, Field(ge=0, le=1)]
    source_ids: tuple[str, ...] = ()


def judged(
    findings: Sequence[Finding], *, known: Collection[str], fetched: Collection[str]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that cite a fetched source, and those that cite none; of ids the known ones stay."""
    kept = [replace(each, source_ids=_known(each, known)) for each in findings]
    bears = [not set(fetched).isdisjoint(each.source_ids) for each in kept]
    pairs = list(zip(kept, bears, strict=True))
    return tuple(each for each, good in pairs if good), tuple(each for each, good in pairs if not good)


def _known(finding: Finding, known: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in finding.source_ids if each in known))
