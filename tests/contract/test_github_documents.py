"""Every GraphQL document that we send fits GitHub's published schema."""

from importlib import resources

import pytest
from graphql import parse, validate

from meshsix.integrations.github.documents import document
from tests.contract import published

NAMES = sorted(
    item.name.removesuffix(".graphql")
    for item in resources.files("meshsix.integrations.github.documents").iterdir()
    if item.name.endswith(".graphql")
)


@pytest.mark.parametrize("name", NAMES)
def test_the_document_fits_the_schema(name: str) -> None:
    assert validate(published.graphql_schema(), parse(document(name))) == []


def test_there_are_documents() -> None:
    assert "commit_files" in NAMES
