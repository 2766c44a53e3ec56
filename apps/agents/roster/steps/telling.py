"""What a model is told of a deep research: what was noted, what could not be read, what was found and not read."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from apps.agents.roster.research.notebook import Noted
from apps.agents.roster.steps.study import Study

_MOST_LEADS = 20
_LONGEST_LEAD = 300
_Block = tuple[str, str]


def known(study: Study) -> str:
    """Return all that there is, the most useful first: what is too much is cut from the end."""
    return _told([_notes(study.notebook.notes()), *_besides(study)])


def fitting(study: Study, prompt: str, words: Mapping[str, str]) -> tuple[frozenset[str], str]:
    """Return as many notes as fit whole, the surest first, with what there is room for besides, and their sources."""
    notes, besides = study.notebook.notes(), _besides(study)

    def fits(blocks: Sequence[_Block]) -> bool:
        return study.fits(prompt, _told(blocks), words=words)

    counts = range(1, len(notes) + 1)
    shown = notes[: bisect_left(counts, x=True, key=lambda count: not fits([_notes(notes[:count])]))]
    while besides and not fits([_notes(shown), *besides]):
        besides.pop()
    return frozenset(each.source for each in shown), _told([_notes(shown), *besides])


def _notes(notes: Sequence[Noted]) -> _Block:
    lines = (f"- [{each.source}] ({each.note.confidence:.1f}) {each.note.note}" for each in notes)
    return "Notes", "\n".join(lines)


def _besides(study: Study) -> list[_Block]:
    missing = "\n".join(f"- {each}" for each in (*study.shelf.missing, *study.notebook.missing))
    leads = "\n".join(
        f"- {each.title}: {each.url} {each.text[:_LONGEST_LEAD]}" for each in study.shelf.leads()[:_MOST_LEADS]
    )
    return [("Could not be read", missing), ("Found, not read", leads)]


def _told(blocks: Sequence[_Block]) -> str:
    return "\n\n".join(f"{title}:\n{text or '(none)'}" for title, text in blocks)
