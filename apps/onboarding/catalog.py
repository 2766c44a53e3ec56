"""What went wrong, in words for people: one table by code.

Steps raise `problem(code, detail)`; all doors show the same words.
"""

from dataclasses import dataclass

from meshsix.durable.outcomes import Permanent


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`means` says what happened and what it means; `hint` the exact fix."""

    means: str
    hint: str


PROBLEMS: dict[str, Problem] = {
    "onboard:request:already-running": Problem(
        means="An onboarding of this repository is under way.",
        hint="Follow that one, or cancel it first.",
    ),
    "onboard:request:not_cancellable": Problem(
        means="The onboarding is over already.", hint="Nothing needs to be cancelled; start a new one if you like."
    ),
    "onboard:request:not_resumable": Problem(
        means="Only an onboarding that failed can be resumed.",
        hint="Wait for it, or start a new one: it adopts all that exists.",
    ),
    "onboard:request:not_rerunnable": Problem(
        means="The step cannot be done again now.", hint="Resume, or start a new onboarding: it adopts all that exists."
    ),
    "onboard:request:no_such_step": Problem(
        means="The onboarding has no step of that name.", hint="Use one of the names that its page shows."
    ),
    "onboard:request:no_sign_in_open": Problem(
        means="The onboarding does not wait for a sign-in now.",
        hint="Look at its page: it may wait for something else, or be over.",
    ),
    "onboard:request:no_choice_open": Problem(
        means="The onboarding does not wait for a choice now.", hint="Look at its page for what it waits for."
    ),
    "onboard:sign-in:bad-code": Problem(
        means="The code cannot be right.", hint="Open the address again, allow, and copy the whole code you are shown."
    ),
    "onboard:user:no-admin-rights": Problem(
        means="We may read the repository but not administer it, and every later step writes to it.",
        hint="Ask an owner to give the token's user the admin role on the repository, then resume.",
    ),
    "onboard:registry:name-taken": Problem(
        means="Another repository already uses the environment name that this one would get.",
        hint="Offboard the other repository or rename one of the two, then resume.",
    ),
}


def problem(code: str, detail: str = "") -> Permanent:
    """Return the permanent failure `code`, worded by the table; `detail` is what was seen."""
    return Permanent(code, hint=PROBLEMS[code].hint, detail=detail or PROBLEMS[code].means)
