"""The GraphQL documents that we send, one a file; tests/contract checks each against GitHub's published schema."""

import re
from functools import cache
from importlib import resources


@cache
def document(name: str) -> str:
    """Return the document `name`.graphql of this package, with the fragments that it spreads."""
    text = _text(f"{name}.graphql")
    spread = sorted(set(re.findall(r"\.\.\.(\w+)", text)))
    return "\n".join([text, *(_text(f"fragments/{fragment}.graphql") for fragment in spread)])


def _text(path: str) -> str:
    return resources.files(__name__).joinpath(path).read_text(encoding="utf-8")
