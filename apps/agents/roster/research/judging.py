"""Which findings rest on something that was fetched. Pure."""

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


def judged(findings: Sequence[Finding], known: Collection[str]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that cite a known source, with those ids alone, and the ones that cite none."""
    kept = [replace(each, source_ids=_known(each, known)) for each in findings]
    return tuple(each for each in kept if each.source_ids), tuple(each for each in kept if not each.source_ids)


def _known(finding: Finding, known: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in finding.source_ids if each in known))
