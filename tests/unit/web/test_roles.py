"""The table of roles and scopes."""

import pytest

from meshsix.web.roles import GRANTS, Role, token_may

TABLE = {
    Role.VIEWER: {Role.VIEWER},
    Role.OPERATOR: {Role.VIEWER, Role.OPERATOR},
    Role.APPROVER: {Role.VIEWER, Role.APPROVER},
    Role.ADMIN: {Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN},
}


@pytest.mark.parametrize("held", Role)
@pytest.mark.parametrize("needed", Role)
def test_a_role_grants_what_the_table_says(held: Role, needed: Role) -> None:
    assert (needed in GRANTS[held]) == (needed in TABLE[held])


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {Role.VIEWER}),
        ("operate", {Role.VIEWER, Role.OPERATOR}),
        ("approve", {Role.VIEWER, Role.APPROVER}),
        ("admin", set(Role)),
        ("metrics", set()),
        ("runner", set()),
    ],
)
def test_a_scope_allows_what_its_name_says(scope: str, allowed: set[Role]) -> None:
    assert {role for role in Role if token_may(frozenset({scope}), role)} == allowed
