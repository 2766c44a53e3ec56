"""What can go wrong with tasks and agents, in words for people, by code."""

from meshsix.web.catalog import Words

PROBLEMS: dict[str, Words] = {
    "tasks:not-now": Words(
        means="This cannot be done with the task in the state that it is in.",
        hint="Look at the task again: somebody or something else may have been faster.",
    ),
    "tasks:own-task": Words(
        means="Nobody approves what they asked for themselves.",
        hint="Ask another approver, or let an admin set APPROVE_OWN_TASKS.",
    ),
    "tasks:no-preview": Words(
        means="The proposed agent cannot show beforehand what it would do.",
        hint="Decide by the task's payload, or ask for a plan as a task of its own where the agent offers one.",
    ),
    "tasks:other-agent": Words(
        means="Another agent is proposed now than the one that you decided about.",
        hint="Look at the task's proposed_agent and its card, then decide about that one.",
    ),
    "tasks:late-result": Words(
        means="The attempt is over; what was reported changed nothing.",
        hint="Forget this attempt. The deadline had passed, the instance was given up, or the task was cancelled.",
    ),
    "agents:not-joined": Words(
        means="This instance of the agent is not registered, or has left.",
        hint="Register it with POST /api/agents, then go on.",
    ),
    "agents:taken": Words(
        means="This name belongs to an agent of the deployment itself.",
        hint="Choose another agent_id, with a token for it.",
    ),
}
