"""The client of Prometheus: what it reads, and what each failure means."""

import math
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.integrations.prometheus import Prometheus, Sample
from tests.sandboxes import Sandbox, sandbox

SERIES = [{"metric": {"__name__": "up", "job": "web", "instance": "web:8000"}, "value": 1}]
TIMEOUT = timedelta(seconds=30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    config = {"token": "planted-token", "series": SERIES}
    with sandbox("prometheus", tmp_path_factory.mktemp("prometheus"), config) as served:
        yield served


@pytest.fixture
def client(server: Sandbox) -> Iterator[Prometheus]:
    server.reset()
    with closing(Prometheus(server.url, token="planted-token", timeout=TIMEOUT)) as made:
        yield made


def test_a_query_gives_samples_with_labels_value_and_time(client: Prometheus) -> None:
    (found,) = client.query("up")
    assert (found.labels, found.value) == ({"job": "web", "instance": "web:8000"}, 1.0)
    assert abs(datetime.now(UTC) - found.at) < timedelta(minutes=5)
    assert client.query('up{job="nobody"}') == ()


def test_a_scalar_is_one_sample_without_labels(client: Prometheus) -> None:
    (found,) = client.query("2")
    assert (found.labels, found.value) == ({}, 2.0)


def test_odd_values_are_read_as_they_are(client: Prometheus, server: Sandbox) -> None:
    result = [{"metric": {}, "value": [1700000000.5, text]} for text in ("NaN", "+Inf")]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}}
    server.fault("answer", status=200, body=body)
    first, second = client.query("up")
    assert math.isnan(first.value)
    assert second == Sample(labels={}, value=float("inf"), at=datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC))


def test_a_bad_expression_is_refused_in_prometheus_own_words(client: Prometheus) -> None:
    with pytest.raises(Refused, match="parse error") as caught:
        client.query("rate(up)")
    assert (caught.value.code, caught.value.vendor) == ("prometheus:refused", "prometheus")


@pytest.mark.parametrize(("status", "error"), [(401, Refused), (404, Missing), (429, TryLater), (503, TryLater)])
def test_each_failure_has_our_word(client: Prometheus, server: Sandbox, status: int, error: type[Exception]) -> None:
    server.fault("answer", status=status, body={"status": "error", "errorType": "timeout", "error": "no"})
    with pytest.raises(error):
        client.query("up")


@pytest.mark.parametrize(
    "body",
    [
        {"status": "success", "data": {"resultType": "matrix", "result": []}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "much"]}]}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}},
        ["something else"],
    ],
)
def test_an_answer_that_is_none_of_prometheus_means_later(client: Prometheus, server: Sandbox, body: object) -> None:
    server.fault("answer", status=200, body=body)
    with pytest.raises(TryLater, match="no answer of Prometheus"):
        client.query("up")


def test_one_that_does_not_answer_means_later(server: Sandbox) -> None:
    server.fault("timeout")
    with closing(Prometheus(server.url, timeout=timedelta(seconds=0.2))) as hasty, pytest.raises(TryLater):
        hasty.query("up")
    server.no_faults()


def test_an_authority_file_that_is_none_stops_the_client(tmp_path: Path, server: Sandbox) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    with pytest.raises(Refused, match="cannot be read") as caught:
        Prometheus(server.url, ca_file=str(path), timeout=TIMEOUT)
    assert "PROMETHEUS_CA_FILE" in caught.value.hint
