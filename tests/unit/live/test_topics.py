"""What a tab may say."""

import pytest

from meshsix.live.topics import BadMessage, Wish, parse


def test_wishes_name_an_aggregate_or_a_feed() -> None:
    said = parse(
        '{"subscribe": [{"aggregate": "run:1-a", "after": 3}, {"feed": "run"}], "unsubscribe": [{"feed": "x"}]}'
    )
    assert list(said.subscribe) == [Wish(topic="run:1-a", after=3), Wish(topic="feed:run", after=None)]
    assert list(said.unsubscribe) == ["feed:x"]


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "{",
        '{"subscribe": {}}',
        '{"subscribe": [1]}',
        '{"subscribe": [{}]}',
        '{"subscribe": [{"aggregate": "run"}]}',
        '{"subscribe": [{"aggregate": "feed:run"}]}',
        '{"subscribe": [{"aggregate": "run:1", "feed": "run"}]}',
        '{"subscribe": [{"aggregate": "run:1", "after": -1}]}',
        '{"subscribe": [{"aggregate": "run:1", "after": true}]}',
        '{"subscribe": [{"aggregate": "run:1", "after": 1.5}]}',
        '{"subscribe": [{"aggregate": "run:1", "after": 99999999999999999999}]}',
        '{"subscribe": [{"feed": "Run"}]}',
        '{"else": 1}',
        " " * 40_000,
    ],
)
def test_anything_else_is_refused(text: str | None) -> None:
    with pytest.raises(BadMessage):
        parse(text)
