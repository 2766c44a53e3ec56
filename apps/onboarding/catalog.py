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
