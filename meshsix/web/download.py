"""What a list shows, as a file: CSV for spreadsheets, JSON for programs. The address of the list asks by `format`."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse

FORMATS = ("csv", "json")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def is_asked(request: HttpRequest) -> bool:
    """Return whether the list is wanted as a file."""
    return request.GET.get("format") in FORMATS


def answer(
    request: HttpRequest, name: str, columns: Sequence[str], rows: Iterable[Mapping[str, object]]
) -> HttpResponse:
    """Return these columns of the rows as the file `name` in the format that is asked for."""
    shown = [{column: row[column] for column in columns} for row in rows]
    form = request.GET["format"]
    if form == "json":
        found: HttpResponse = JsonResponse({"results": shown})
    else:
        found = HttpResponse(as_csv(columns, shown), content_type="text/csv; charset=utf-8")
    found["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return found


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """Return the rows as CSV with a head; times are ISO 8601, and no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
