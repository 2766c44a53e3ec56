"""Tests of one group share what they start: pytest and pytest-xdist must agree on how a group is told."""

import os

import pytest


@pytest.mark.xdist_group("told")
def test_the_group_of_a_test_is_told(request: pytest.FixtureRequest) -> None:
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("one process has no groups")
    assert request.node.nodeid.endswith("@told")
