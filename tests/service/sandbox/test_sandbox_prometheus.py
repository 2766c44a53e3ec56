"""The sandbox Prometheus by its HTTP API: shapes as documented, the part of PromQL that it reads, and refusals."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.sandbox.process import Process

SERIES = [
    {"metric": {"__name__": "cpu", "namespace": "a", "pod": "web-0", "container": "web"}, "per_second": 0.25},
    {"metric": {"__name__": "cpu", "namespace": "a", "pod": "web-0", "container": "side"}, "per_second": 0.5},
    {"metric": {"__name__": "cpu", "namespace": "a", "pod": "web-1", "container": "web"}, "per_second": 1},
    {"metric": {"__name__": "cpu", "namespace": "b", "pod": "db-0", "container": ""}, "per_second": 2},
    {"metric": {"__name__": "memory", "namespace": "b", "pod": "db-0"}, "value": 1048576},
]


@pytest.fixture
def prometheus(sandboxes: Process) -> Iterator[httpx.Client]:
    url = sandboxes.urls["prometheus"]
    with httpx.Client(base_url=url, headers={"Authorization": "Bearer prom-token"}, timeout=60) as client:
        client.post("/_sandbox/reset").raise_for_status()
        client.post("/_sandbox/series", json={"series": SERIES}).raise_for_status()
        yield client


def vector(client: httpx.Client, query: str) -> list[tuple[dict[str, str], float]]:
    answer = client.get("/api/v1/query", params={"query": query}).raise_for_status().json()
    assert (answer["status"], answer["data"]["resultType"]) == ("success", "vector")
    return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]


def test_what_is_configured_is_there_and_a_reset_brings_it_back(prometheus: httpx.Client) -> None:
    assert vector(prometheus, "up") == [({"__name__": "up", "job": "web"}, 1)]
    prometheus.delete("/_sandbox/series").raise_for_status()
    assert vector(prometheus, "up") == []
    prometheus.post("/_sandbox/reset").raise_for_status()
    assert len(vector(prometheus, "up")) == 1


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ('memory{pod="db-0"}', [1048576]),
        ('memory{pod!="db-0"}', []),
        ('rate(cpu{namespace="a"}[5m])', [0.25, 0.5, 1]),
        ('rate(cpu{namespace=~"a|b", container!=""}[5m])', [0.25, 0.5, 1]),
        ('increase(cpu{pod="web-1"}[2m])', [120]),
        ("sum by (pod) (rate(cpu[5m]))", [0.75, 1, 2]),
        ("max(rate(cpu[5m])) by (namespace)", [1, 2]),
        ("sum(rate(cpu[5m]))", [3.75]),
        ("count without (pod, container) (cpu)", [3, 1]),
        ('{__name__!~"up|cpu"}', [1048576]),
    ],
)
def test_an_expression_is_evaluated(prometheus: httpx.Client, query: str, wanted: list[float]) -> None:
    assert [value for _, value in vector(prometheus, query)] == wanted


def test_a_sum_keeps_the_labels_by_which_it_is_made(prometheus: httpx.Client) -> None:
    assert vector(prometheus, 'sum by (pod) (rate(cpu{namespace="b"}[5m]))') == [({"pod": "db-0"}, 2)]


def test_a_number_is_a_scalar_at_the_time_asked_for(prometheus: httpx.Client) -> None:
    answer: Any = prometheus.post("/api/v1/query", data={"query": "1.5", "time": "1700000000"}).json()
    assert answer["data"] == {"resultType": "scalar", "result": [1700000000.0, "1.5"]}


@pytest.mark.parametrize("query", ["", "rate(cpu)", "cpu[5m]", "cpu offset 5m", "cpu{pod}", "sum(1)", "cpu +"])
def test_what_it_cannot_read_is_refused_as_prometheus_does(prometheus: httpx.Client, query: str) -> None:
    answer = prometheus.get("/api/v1/query", params={"query": query})
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


def test_the_token_is_asked_for(prometheus: httpx.Client) -> None:
    assert prometheus.get("/api/v1/query", headers={"Authorization": ""}).status_code == 401
    assert prometheus.get("/-/ready", headers={"Authorization": ""}).status_code == 200
