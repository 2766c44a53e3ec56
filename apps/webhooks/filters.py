"""Which issues, branches and pull requests a project wants to hear of. Pure.

rules_of({"required_labels": ["agent"]}, defaults) -> Rules
verdict(rules, Subject(author="octocat", labels=("bug",))) -> "none of the required labels: agent"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from apps.projects.canonical import CanonicalEvent, Kind

SETTING = "filters"
"""Under which name a project's settings hold its own rules; each of them replaces the platform's default."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What is let through. Empty ones let everything through; logins and labels are compared without case."""

    allowed_authors: tuple[str, ...] = ()
    required_labels: tuple[str, ...] = ()
    exclude_labels: tuple[str, ...] = ()
    branch_patterns: tuple[str, ...] = ()
    exclude_drafts: bool = False


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is judged. Author and labels are those of the issue itself; None: it has no branch."""

    author: str = ""
    labels: tuple[str, ...] = ()
    branch: str | None = None
    draft: bool = False


def rules_of(own: object, defaults: Rules) -> Rules:
    """Return the project's rules: its own where it has some of the right shape, else the platform's."""
    if not isinstance(own, Mapping):
        return defaults
    return Rules(
        allowed_authors=_words(own.get("allowed_authors"), defaults.allowed_authors),
        required_labels=_words(own.get("required_labels"), defaults.required_labels),
        exclude_labels=_words(own.get("exclude_labels"), defaults.exclude_labels),
        branch_patterns=_words(own.get("branch_patterns"), defaults.branch_patterns),
        exclude_drafts=drafts if isinstance(drafts := own.get("exclude_drafts"), bool) else defaults.exclude_drafts,
    )


def _words(own: object, default: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(own, Sequence) or isinstance(own, str) or not all(isinstance(item, str) for item in own):
        return default
    return tuple(own)


def verdict(rules: Rules, subject: Subject) -> str:
    """Return why the subject is rejected, nothing where it is accepted.

    In this order: a draft or another branch is rejected where rules say so; an excluded label rejects; an allowed
    author accepts; required labels decide; where only authors are named, others are rejected; all else is accepted.
    """
    if rules.exclude_drafts and subject.draft:
        return "a draft, and drafts are excluded"
    if subject.branch is not None and rules.branch_patterns and not _matches(subject.branch, rules.branch_patterns):
        return f"branch {subject.branch} matches none of: {', '.join(rules.branch_patterns)}"
    labels = _folded(subject.labels)
    excluded = [label for label in rules.exclude_labels if label.casefold() in labels]
    if excluded:
        return f"excluded label: {', '.join(excluded)}"
    if subject.author.casefold() in _folded(rules.allowed_authors):
        return ""
    if rules.required_labels:
        found = labels & _folded(rules.required_labels)
        return "" if found else f"none of the required labels: {', '.join(rules.required_labels)}"
    return f"author {subject.author or 'unknown'} is not among those allowed" if rules.allowed_authors else ""


def _folded(words: Sequence[str]) -> set[str]:
    return {word.casefold() for word in words}


def _matches(branch: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(branch, pattern) for pattern in patterns)


STARTS = frozenset({Kind.NEW_TODO})
"""What begins work: authors and labels decide."""
OF_A_BRANCH = frozenset(
    {Kind.PR_OPENED, Kind.PR_UPDATED, Kind.PR_MERGED, Kind.PR_CLOSED, Kind.PR_REVIEWED, Kind.CHECKS_FINISHED}
)
"""What follows from work: the branch decides, and whether it is a draft. A merge is never a draft's."""


FILTERED = STARTS | OF_A_BRANCH


def rejection(rules: Rules, event: CanonicalEvent) -> str:
    """Return why the event is not to be told, nothing where it is. What starts nothing and has no branch passes."""
    if event.kind in STARTS:
        labels = event.facts.get("labels")
        listed = labels if isinstance(labels, Sequence) and not isinstance(labels, str) else ()
        return verdict(rules, Subject(author=str(event.facts.get("author") or ""), labels=tuple(map(str, listed))))
    if event.kind in OF_A_BRANCH:
        of_branch = Rules(branch_patterns=rules.branch_patterns, exclude_drafts=rules.exclude_drafts)
        branch = event.facts.get("branch")
        draft = event.kind in {Kind.PR_OPENED, Kind.PR_UPDATED} and event.facts.get("draft") is True
        return verdict(of_branch, Subject(branch=str(branch) if branch else None, draft=draft))
    return ""
