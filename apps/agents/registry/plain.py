"""What states, reasons and errors mean, in words for people. Pages and commands say the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.agents.registry.policy import How
from apps.agents.registry.states import AgentStatus, ErrorType, TaskState, Why

STATES: dict[TaskState, str] = {
    TaskState.PENDING: "waits",
    TaskState.AWAITING_APPROVAL: "needs approval",
    TaskState.DISPATCHED: "given out",
    TaskState.RUNNING: "running",
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.TIMEOUT: "timed out",
    TaskState.CANCELLED: "cancelled",
}
LOOKS: dict[str, str] = {
    TaskState.PENDING: "pending",
    TaskState.AWAITING_APPROVAL: "wait",
    TaskState.DISPATCHED: "ready",
    TaskState.RUNNING: "running",
    TaskState.COMPLETED: "done",
    TaskState.FAILED: "failed",
    TaskState.TIMEOUT: "failed",
    TaskState.CANCELLED: "cancelled",
    AgentStatus.ONLINE: "ok",
    AgentStatus.DEGRADED: "wait",
    AgentStatus.OFFLINE: "bad",
}
"""The badge of each state of a task and of an agent."""

REASONS: dict[Why, str] = {
    Why.OFFLINE: "It is offline: none of its instances beats.",
    Why.DISABLED: "An operator has switched it off.",
    Why.WITHDRAWN: "Its present version does not offer this any more.",
    Why.DEPENDENCY_DOWN: "Something that it needs is not there.",
    Why.NO_SUCCESS: "None of its last attempts succeeded, so its score is 0.",
    Why.AT_CAPACITY: "All of its slots were taken.",
    Why.INPUT_REJECTED: "It does not take what the task gives.",
    Why.PROJECT_NOT_ALLOWED: "It does not work for this project.",
    Why.PAUSING: "It failed or put off this task and is left alone for a while, and another one is not.",
    Why.TRIED_ALREADY: "It has had its try at this task, and another one has not.",
    Why.OUTSCORED: "Another one scores higher.",
    Why.INCUMBENT: "It had the newest success, and nobody scored so much higher that work should change hands.",
    Why.EXPLORATION: "It is new or has recovered, and a share of the tasks goes to such agents.",
    Why.NOT_OFFERED: "It does not offer this.",
    Why.NOT_ASKED_FOR: "The task asked for other agents by name.",
}
CHOICES: dict[How, str] = {
    How.BEST: "It has the highest score.",
    How.AFFINITY: "Its instance has worked for the same key before.",
    How.INCUMBENT: REASONS[Why.INCUMBENT],
    How.EXPLORATION: REASONS[Why.EXPLORATION],
    How.SPILLED: "The best one had no free slot, and this one is nearly as good.",
    How.AT_CAPACITY: "Nobody who is good enough had a free slot.",
    How.NO_AGENT: "Nobody could do it then.",
}
"""Why an agent was chosen, or nobody."""
BEST_OF_THE_UNTRIED = "It has the highest score of those that had not had their try yet."

ERRORS: dict[ErrorType, str] = {
    ErrorType.ERROR: "The agent failed in a way that nobody foresaw.",
    ErrorType.REFUSED: "A service refused this agent.",
    ErrorType.MISSING: "What it should work on is not there, as this agent sees it.",
    ErrorType.INVALID_OUTPUT: "The agent gave something that does not fit its own schema.",
    ErrorType.INVALID_ANSWER: "The language model gave nothing usable.",
    ErrorType.TIMEOUT: "It did not end before its deadline.",
    ErrorType.AGENT_LOST: "The agent's process fell silent or died.",
    ErrorType.TRY_LATER: "Something that the agent needs was not ready.",
    ErrorType.AGENT_STOPPED: "The agent's process was stopped.",
    ErrorType.NOT_STARTED: "The agent did not begin.",
    ErrorType.PERMANENT: "It cannot be done as it was asked for.",
    ErrorType.INVALID_INPUT: "The agent does not take what the task gives.",
    ErrorType.BUDGET_EXCEEDED: "The budget for language models is used up.",
    ErrorType.CONTEXT_TOO_LARGE: "What the model must read does not fit into it.",
    ErrorType.CANCELLED: "Somebody ended it.",
}
STEPS: dict[ErrorType, str] = {
    ErrorType.ERROR: "Look at the agent's log, then retry the task.",
    ErrorType.REFUSED: "Give the agent the right that it lacks, then retry the task.",
    ErrorType.MISSING: "Check what the task names, and whether the agent may see it.",
    ErrorType.INVALID_OUTPUT: "The agent needs a repair; another one that offers this may do meanwhile.",
    ErrorType.INVALID_ANSWER: "Retry the task, or give the agent a stronger model.",
    ErrorType.TIMEOUT: "Ask for it again with more time, or for less at once.",
    ErrorType.AGENT_LOST: "See whether the agent runs again, then retry the task.",
    ErrorType.TRY_LATER: "See which of the agent's checks fails, then retry the task.",
    ErrorType.AGENT_STOPPED: "Start the agent, then retry the task.",
    ErrorType.NOT_STARTED: "See whether the agent's worker runs, then retry the task.",
    ErrorType.PERMANENT: "Change what is asked for, then ask again.",
    ErrorType.INVALID_INPUT: "Ask again with a payload that fits.",
    ErrorType.BUDGET_EXCEEDED: "Raise the budget or wait until it is renewed, then retry the task.",
    ErrorType.CONTEXT_TOO_LARGE: "Ask again with a shorter text.",
    ErrorType.CANCELLED: "Retry the task if it is wanted after all.",
}
"""What a person can do where the error itself does not say."""


def reason(code: str) -> str:
    """Return why an agent did not get a task (or did), for a reason as it is stored; unknown ones as they are."""
    return REASONS[Why(code)] if code in set(Why) else code


def choice(decided_by: str) -> str:
    """Return by which rule somebody or nobody was chosen; unknown ones as they are."""
    return CHOICES[How(decided_by)] if decided_by in set(How) else decided_by


def error(error_type: str) -> str:
    """Return what an error type means; unknown ones as they are."""
    return ERRORS[ErrorType(error_type)] if error_type in set(ErrorType) else error_type


def next_step(failure: Mapping[str, str]) -> str:
    """Return what a person can do about an error as it stands in a task's row."""
    kind = failure.get("type", "")
    return failure.get("hint") or (STEPS[ErrorType(kind)] if kind in set(ErrorType) else "")


def waiting(wait_reason: str) -> str:
    """Return what a task waits for, from its stored reason `at_capacity: 2 agents (1 offline, ...)`."""
    code, _, rest = wait_reason.partition(": ")
    if code in set(How):
        counted = rest.replace("_", " ")
        return f"{choice(code)} {counted[:1].upper()}{counted[1:]}." if rest else choice(code)
    return _WAITS.get(wait_reason, wait_reason)


_WAITS = {
    "": "It is about to be given to an agent.",
    "approval": "A person must agree first.",
    "platform_error": "The platform failed to find an agent and tries again every few seconds; its log says why.",
    "backoff": "The same agent is left alone for a moment before its next try.",
}


def sentence(agent: Mapping[str, Any], chosen: Mapping[str, Any] | None) -> str:
    """Return why a candidate did not get the task, with the facts of its card and of the chosen one's.

    Both are as stored: agent_id, score, reason (codes joined by commas) and card, which may be None.
    """
    codes = [code.strip() for code in str(agent["reason"]).split(",") if code.strip()]
    return " ".join(_with_facts(code, agent, chosen) for code in codes) or "It could have done it too."


def _with_facts(code: str, agent: Mapping[str, Any], chosen: Mapping[str, Any] | None) -> str:
    card = agent["card"] or {}
    if code == Why.OUTSCORED and chosen is not None and chosen["score"] is not None and agent["score"] is not None:
        return f"{chosen['agent_id']} had {chosen['score']:.3f}, it had {agent['score']:.3f}."
    if code == Why.DEPENDENCY_DOWN and (down := _down(card.get("checks", ()))):
        return f"What it needs is not there: {'; '.join(down)}."
    if code == Why.AT_CAPACITY and card:
        return f"All of its slots were taken: {card['open_tasks']} of {card['max_concurrency']}."
    return reason(code)


def _down(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    bad = [each for each in checks if not each["ok"]]
    return [f"{each['key']} ({each['detail']})" if each["detail"] else str(each["key"]) for each in bad]
