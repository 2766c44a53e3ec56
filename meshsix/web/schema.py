"""The API's description: its two addresses, and what drf-spectacular cannot know by itself.

That is: how tokens sign in, and that every operation may answer a problem.
"""

from typing import Any

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_ANSWERS = {
    "400": "The request cannot be used; `errors` names the fields.",
    "401": "Nobody is signed in.",
    "403": "Signed in, but with too little.",
    "404": "There is nothing here, or nothing that you may see.",
    "429": "Too many requests; go on after the seconds in `Retry-After`.",
}
_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is stable; `hint` says what to do.",
    "required": ["type", "title", "status", "detail", "instance", "code", "hint", "trace_id", "request_id", "errors"],
    "properties": {
        **dict.fromkeys(("type", "title", "detail", "instance", "code", "hint", "trace_id", "request_id"), _TEXT),
        "status": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": dict.fromkeys(("pointer", "code", "detail"), _TEXT),
            },
        },
    },
}


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the base class has no types
    """`Authorization: Bearer m6_...`."""

    target_class = "apps.projects.credentials.authentication.AccessTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002 - its signature
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "m6_{id}_{secret}"}


class RunnerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # the base class has no types
    """`Authorization: Bearer` with the token of a pod, or a service token with the scope runner."""

    target_class = "apps.projects.credentials.runner_views.RunnerAuthentication"
    name = "runner"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:  # noqa: ARG002 - its signature
        """Return the scheme."""
        return {"type": "http", "scheme": "bearer", "description": "The token of the runner's pod, audience mesh-six."}


class Description(SpectacularAPIView):
    """The OpenAPI description."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - its signature
        """Return the description."""
        return super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call, no-any-return] # has no types


@method_decorator(csp_update({"style-src": [SELF, UNSAFE_INLINE]}), name="dispatch")
class Docs(SpectacularSwaggerSplitView):
    """The description to read and try; its library sets styles by itself, so they are allowed on this page alone."""

    url_name = "api-schema"

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - its signature
        """Return the page, or its script."""
        return super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call, no-any-return] # has no types


def add_problems(result: dict[str, Any], generator: object, request: object, public: object) -> dict[str, Any]:  # noqa: ARG001 - a hook's signature
    """Add the problem answers to every operation that does not describe them itself."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = _PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method in _METHODS:
                for status, description in _ANSWERS.items():
                    operation["responses"].setdefault(status, {"description": description, "content": content})
                _complete(operation["responses"], content)
    return result


def _complete(responses: dict[str, Any], content: dict[str, Any]) -> None:
    for status, response in responses.items():
        if int(status) >= 400 and "content" not in response:  # noqa: PLR2004 - the first status of errors
            response["content"] = content
