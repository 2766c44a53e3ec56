"""How long news gather before people hear of them."""

from meshsix.live import push


def test_only_who_has_had_news_for_long_without_a_break_gathers_longer() -> None:
    busy = [0.0, push.GATHER_SECONDS, push.BUSY_AFTER_SECONDS, push.BUSY_AFTER_SECONDS + 0.1, 3600.0]
    assert [push.gathers(seconds) for seconds in busy] == [0.02, 0.02, 0.02, 0.1, 0.1]
