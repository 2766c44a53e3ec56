"""What JSON from outside may look like."""

from meshsix.kit import shapes


def nested(depth: int) -> object:
    found: object = 1.5
    for _ in range(depth):
        found = [found]
    return found


def test_what_can_be_kept_has_no_fault() -> None:
    assert list(shapes.faults({"a": [1, 2.5, None, True, "x"], "b": {"c": {}}})) == []
    assert list(shapes.faults(nested(shapes.DEEPEST))) == []


def test_depth_is_refused_without_going_deeper() -> None:
    assert list(shapes.faults({"a": nested(100_000)}, "/payload")) == [
        ("/payload", "must not be nested deeper than 100")
    ]


def test_numbers_that_json_has_not_are_named_by_their_place() -> None:
    told = dict(shapes.faults({"a/b": [1, float("inf")], "c": float("nan")}, "/payload"))
    assert set(told) == {"/payload/a~1b/1", "/payload/c"}


def test_a_pointer_repeats_no_secret_and_nothing_that_cannot_be_stored() -> None:
    token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    [(pointer, _)] = shapes.faults({token: {"\ud800": float("inf")}})
    assert token not in pointer
    assert pointer.endswith("/\ufffd")
