"""Lists as files."""

from datetime import UTC, datetime

from meshsix.web.download import as_csv


def test_cells_are_quoted_times_are_iso_and_none_is_a_formula() -> None:
    rows: list[dict[str, object]] = [
        {"a": 'x,"y"', "b": None},
        {"a": "=1+1", "b": datetime(2026, 1, 2, tzinfo=UTC)},
        {"a": "-1", "b": True},
    ]
    assert as_csv(["a", "b"], rows).splitlines() == [
        "a,b",
        '"x,""y""",',
        "'=1+1,2026-01-02T00:00:00+00:00",
        "'-1,True",
    ]
