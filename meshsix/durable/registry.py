"""The workflows of this deployment, found through the setting DURABLE_WORKFLOWS: a list of dotted paths."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from meshsix.durable import checks, plan
from meshsix.durable.definition import Step, Workflow


class UnknownStep(Exception):  # noqa: N818 - reads as a word of the domain
    """The running code has no such workflow or step; a run of an older deploy may still name it."""


@cache
def workflows() -> dict[str, Workflow]:
    """Return the checked workflows by name. Raises BadWorkflow."""
    found: dict[str, Workflow] = {}
    for path in settings.DURABLE_WORKFLOWS:
        workflow: Workflow = import_string(path)
        checks.check(workflow)
        if workflow.name in found:
            raise checks.BadWorkflow(workflow.name, ["another workflow has the same name."])
        found[workflow.name] = workflow
    return found


def workflow(name: str) -> Workflow:
    """Return the workflow of this name. Raises UnknownStep."""
    try:
        return workflows()[name]
    except KeyError:
        raise UnknownStep(f"No workflow called {name} is deployed.") from None


def step(workflow_name: str, step_name: str) -> tuple[Workflow, Step]:
    """Return the workflow and its step. Raises UnknownStep."""
    found = workflow(workflow_name)
    try:
        return found, _steps(workflow_name)[step_name]
    except KeyError:
        raise UnknownStep(f"The deployed workflow {workflow_name} has no step called {step_name}.") from None


@cache
def is_observed(step_name: str) -> bool:
    """Return whether a workflow that has an observer has a step of this name."""
    return any(found.observer and step_name in _steps(name) for name, found in workflows().items())


@cache
def _steps(workflow_name: str) -> dict[str, Step]:
    return plan.functions(workflow(workflow_name))


def forget() -> None:
    """Read the setting again at the next question; for tests that deploy other workflows."""
    workflows.cache_clear()
    forget_steps()


def forget_steps() -> None:
    """Look the steps up again in the known workflows."""
    _steps.cache_clear()
    is_observed.cache_clear()
