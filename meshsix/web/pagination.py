"""Lists by cursor: {results, next, previous}, `limit` 50 and at most 200; walked while rows arrive, each shows once."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from meshsix.web.problems import FieldError, Problem

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView

    _Queryset = QuerySet[Any]
else:
    _Queryset = QuerySet


class CursorPages(CursorPagination):
    """Pages by cursor, newest first; a view may name its own `ordering`, on indexed columns."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    ordering: str | tuple[str, ...] = "-created_at"
    cursor_query_description = "Where to go on: the cursor in `next` or `previous` of an earlier answer."
    page_size_query_description = "How many to return, at most 200."

    def paginate_queryset(  # type: ignore[override] # the stubs of the base class allow sequences, its code does not
        self, queryset: _Queryset, request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        """Return one page. Raises Problem `bad_cursor`, or `invalid` for a limit that is not a number from 1 to 200."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except NotFound as error:
            raise Problem("bad_cursor") from error

    def get_page_size(self, request: Request) -> int:
        """Return the limit asked for."""
        return limit(request, default=self.page_size or 50, most=self.max_page_size)


def limit(request: Request, *, default: int, most: int) -> int:
    """Return the query parameter `limit`. Raises Problem `invalid` where it is not a number from 1 to `most`."""
    given = request.query_params.get("limit")
    if given is None:
        return default
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= most:
        wrong = FieldError(pointer="?limit", code="out_of_range", detail=f"A whole number from 1 to {most}.")
        raise Problem("invalid", errors=[wrong])
    return int(given)
