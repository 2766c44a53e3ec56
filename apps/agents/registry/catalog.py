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
}
