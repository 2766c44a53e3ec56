"""What a model noted of the sources of one task, part by part, kept as it goes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.agents.roster.research.models import Reading
from apps.agents.roster.research.words import Cited, Note, Part
from meshsix.durable import coding
from meshsix.kit import redact

PART_CHARACTERS = 12_000
_NOTES = tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class Noted:
    """A note and the id of the source that it is of."""

    source: str
    note: Note


class Notebook:
    """The readings of one task."""

    def __init__(self, task_id: str) -> None:
        self._task_id = task_id

    def unread(self, sources: Sequence[Cited]) -> Iterator[Part]:
        """Yield the parts of which nothing is noted yet, source by source."""
        read = set(Reading.objects.filter(task_id=self._task_id).values_list("source", "part"))
        for part in (part for source in sources for part in _parts(source)):
            if (part.source.id, part.number) not in read:
                yield part

    def keep(self, part: Part, notes: _NOTES, *, model: str = "", problem: str = "") -> None:
        """Keep what was noted of a part; who comes second changes nothing."""
        kept = redact.structure(coding.adapter(_NOTES).dump_python(notes, mode="json"))
        Reading.objects.get_or_create(
            task_id=self._task_id,
            source=part.source.id,
            part=part.number,
            defaults={"notes": kept, "model": model[:200], "problem": redact.text(problem)[:500]},
        )

    def notes(self) -> list[Noted]:
        """Return all notes, the surest first."""
        rows = Reading.objects.filter(task_id=self._task_id).values_list("source", "notes")
        found = [
            Noted(source=source, note=note)
            for source, notes in rows
            for note in coding.adapter(_NOTES).validate_python(notes)
        ]
        return sorted(found, key=lambda each: -each.note.confidence)

    def read(self) -> set[str]:
        """Return the ids of the sources of which at least a part was read."""
        return set(Reading.objects.filter(task_id=self._task_id, problem="").values_list("source", flat=True))

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the parts that were not understood, and why."""
        rows = Reading.objects.filter(task_id=self._task_id).exclude(problem="")
        return tuple(f"{row.source}, part {row.part}: {row.problem}" for row in rows)

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models that read."""
        rows = Reading.objects.filter(task_id=self._task_id).exclude(model="").values_list("model", flat=True)
        return tuple(dict.fromkeys(rows))


def _parts(source: Cited) -> list[Part]:
    text = source.document.text
    starts = range(0, len(text), PART_CHARACTERS)
    return [
        Part(source=source, number=number, text=text[start : start + PART_CHARACTERS])
        for number, start in enumerate(starts, start=1)
    ]
