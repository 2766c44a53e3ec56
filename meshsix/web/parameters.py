"""Query parameters, checked once by a serializer; one that is not declared is refused."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from meshsix.web.problems import FieldError, Problem


class Parameters(serializers.Serializer[Any]):
    """Declares the query parameters of an endpoint as fields; ListField ones may be repeated."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Return the checked parameters. Raises Problem `unknown_parameter` or `invalid`."""
        fields = cls().fields
        unknown = sorted(set(request.query_params) - set(fields))
        if unknown:
            errors = [
                FieldError(pointer=f"?{name}", code="unknown", detail="Not a parameter here.") for name in unknown
            ]
            raise Problem("unknown_parameter", errors=errors)
        checked = cls(data=request.query_params)
        if not checked.is_valid():
            errors = [
                FieldError(pointer=f"?{name}", code="invalid", detail=" ".join(map(str, _flat(wrong))))
                for name, wrong in checked.errors.items()
            ]
            raise Problem("invalid", errors=errors)
        return dict(checked.validated_data)


def _flat(wrong: object) -> list[object]:
    if isinstance(wrong, dict):
        return [item for inner in wrong.values() for item in _flat(inner)]
    return list(wrong) if isinstance(wrong, list) else [wrong]
