"""How long news gather before people hear of them."""

from meshsix.live.push import BUSY_AFTER_SECONDS, GATHER_SECONDS, GATHER_WHEN_BUSY_SECONDS, Pace


def test_only_who_has_had_news_for_long_without_a_break_gathers_longer() -> None:
    pace, began = Pace(), 1000.0
    found = [pace.after_news(began + after) for after in (0, 0.02, BUSY_AFTER_SECONDS, BUSY_AFTER_SECONDS + 0.1, 3600)]
    assert found == [GATHER_SECONDS] * 3 + [GATHER_WHEN_BUSY_SECONDS] * 2
    assert Pace().after_news(began + 3600) == GATHER_SECONDS
