"""The GraphQL documents that we send, one a file; tests/contract checks each against GitHub's published schema."""

from functools import cache
from importlib import resources


@cache
def document(name: str) -> str:
    """Return the document `name`.graphql of this package."""
    return resources.files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")
