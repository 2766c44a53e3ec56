"""Refuses a workflow that cannot work, before it runs: every finding at once, each with the step and what to change."""

import dataclasses
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from meshsix.durable import coding, plan
from meshsix.durable.definition import Answer, Parallel, Step, StepFacts, Workflow


class BadWorkflow(Exception):  # noqa: N818 - reads as a word of the domain
    """A workflow that cannot work; `findings` has one sentence for each fault."""

    def __init__(self, workflow: str, findings: Sequence[str]) -> None:
        super().__init__(f"Workflow {workflow} cannot run:\n" + "\n".join(f"- {finding}" for finding in findings))
        self.findings = tuple(findings)


def check(workflow: Workflow) -> None:
    """Raise BadWorkflow unless all names, types and numbers of the workflow fit together."""
    findings = [*_names(workflow), *_layout(workflow)]
    if not findings:
        findings = [*_types(workflow)]
    if findings:
        raise BadWorkflow(workflow.name, findings)


def _names(workflow: Workflow) -> Iterator[str]:
    names = [step.name for phase in workflow.phases for step in plan.all_steps(phase.stretch)]
    if not names:
        yield "it has no steps."
    for name, count in Counter(names).items():
        if count > 1:
            yield f"{name} stands {count} times; each step has a name of its own."
        if name in coding.RESERVED or not name.isidentifier():
            yield f"{name!r} cannot be a step's name: it must be an identifier other than ask, answer and this."
    for name, count in Counter(phase.name for phase in workflow.phases).items():
        if count > 1:
            yield f"the phase {name} stands {count} times."


def _layout(workflow: Workflow) -> Iterator[str]:
    if not is_word(workflow.ask):
        yield f"its input {workflow.ask.__name__} must be a frozen dataclass with keyword-only fields."
    for phase in workflow.phases:
        if not phase.stretch:
            yield f"the phase {phase.name} has no steps."
        if any(not branch for branch in _branches(phase.stretch)):
            yield f"the phase {phase.name} has an empty branch."
        for step in plan.all_steps(phase.stretch):
            if step.timeout <= timedelta(0):
                yield f"{step.name} needs a timeout above zero."
            if step.backoff.attempts < 1:
                yield f"{step.name} needs at least one attempt."


def _branches(stretch: Sequence[Step | Parallel]) -> Iterator[tuple[Step | Parallel, ...]]:
    for part in stretch:
        if isinstance(part, Parallel):
            yield from part.branches or ((),)
            for branch in part.branches:
                yield from _branches(branch)


def _types(workflow: Workflow) -> Iterator[str]:
    order = plan.from_workflow(workflow)
    steps = plan.functions(workflow)
    signatures: dict[str, coding.Signature] = {}
    for name, step in steps.items():
        try:
            signatures[name] = coding.signature(step.does, workflow.ask)
        except (TypeError, NameError) as error:
            yield f"{name}: {error}"
    for name, wants in signatures.items():
        yield from _output_type(name, wants)
        yield from _input_type(name, wants, workflow)
        for field, kind in wants.fields.items():
            if field in coding.RESERVED:
                yield from _reserved(name, field, kind, workflow.ask)
            elif field not in order.by_name:
                yield f"{name} takes {field}, which is no step of this workflow."
            elif field not in order.upstream(name):
                yield f"{name} takes {field}, which does not end before it begins."
            elif field in signatures:
                yield from _fits(name, field, kind, signatures[field].gives)


def _output_type(name: str, wants: coding.Signature) -> Iterator[str]:
    plain, _ = coding.optional(wants.gives)
    if plain is not types.NoneType and not is_word(plain):
        yield f"{name} gives {_name(wants.gives)}: it must be a frozen dataclass with keyword-only fields, or None."


def _input_type(name: str, wants: coding.Signature, workflow: Workflow) -> Iterator[str]:
    if wants.takes is not workflow.ask and not is_word(wants.takes):
        yield (
            f"{name} takes {_name(wants.takes)}: it must be {workflow.ask.__name__} or a frozen dataclass with "
            "keyword-only fields."
        )


def _reserved(name: str, field: str, kind: object, ask: type) -> Iterator[str]:
    plain, may_be_none = coding.optional(kind)
    if field == coding.ASK and kind is not ask:
        yield f"{name} takes ask as {_name(kind)}, but the run's input is {ask.__name__}."
    if field == coding.ANSWER and (plain is not Answer or not may_be_none):
        yield f"{name} must take answer as Answer | None: it has none on the first call."
    if field == coding.THIS and kind is not StepFacts:
        yield f"{name} must take this as StepFacts."


def _fits(name: str, field: str, kind: object, gives: object) -> Iterator[str]:
    plain, may_be_none = coding.optional(kind)
    given, given_may_be_none = coding.optional(gives)
    if plain is not given:
        yield f"{name} takes {field} as {_name(kind)}, but {field} gives {_name(gives)}."
    elif given_may_be_none and not may_be_none:
        yield f"{name} must take {field} as {_name(kind)} | None, since {field} may give None."


def is_word(kind: object) -> bool:
    """Return whether `kind` is a frozen dataclass with keyword-only fields: a word of the inside."""
    if not isinstance(kind, type) or not dataclasses.is_dataclass(kind):
        return False
    frozen: bool = vars(kind)["__dataclass_params__"].frozen
    return frozen and all(field.kw_only for field in dataclasses.fields(kind))


def _name(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind)
