"""GitHub's error answers for REST and GraphQL, worded as GitHub words them."""

from typing import Any

DOCS = "https://docs.github.com/rest"


class Problem(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """An answer with an error status. `errors` is GitHub's list of what is wrong with which field."""

    def __init__(self, status: int, message: str, *, errors: list[Any] | None = None, docs: str = DOCS) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.docs = status, message, errors, docs
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return {**body, "documentation_url": self.docs, "status": str(self.status)}


def not_found() -> Problem:
    """Return the answer for what does not exist and for what the caller may not see."""
    return Problem(404, "Not Found")


def invalid(resource: str, message: str | None = None, *, field: str | None = None, code: str = "custom") -> Problem:
    """Return a 422 with one entry in its list of errors."""
    entry = {"resource": resource, "code": code}
    if field:
        entry["field"] = field
    if message:
        entry["message"] = message
    return Problem(422, "Validation Failed", errors=[entry])


class GraphProblem(Exception):  # noqa: N818 - it is an answer, not a mistake of ours
    """An entry of a GraphQL answer's `errors`, with GitHub's `type`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


def unresolved_node(node: str) -> GraphProblem:
    """Return GitHub's answer for a global id that stands for nothing the caller can see."""
    return GraphProblem("NOT_FOUND", f"Could not resolve to a node with the global id of '{node}'")
