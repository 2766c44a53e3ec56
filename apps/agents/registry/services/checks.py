"""Looks at what agents depend on: each distinct target once, side by side, however many agents share it."""

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from apps.agents.registry.models import Capability, Check
from apps.agents.registry.queries import policies
from apps.agents.registry.services import news
from apps.agents.registry.states import CHECK_EVERY, CheckKind, Health, health_after
from meshsix.integrations.errors import VendorError
from meshsix.kit import clock, redact
from meshsix.wiring import Clients

Target = tuple[str, str]
_MOST_AT_ONCE = 16
_CLAIM = """
UPDATE agent_checks SET due_at = %(next)s WHERE due_at <= %(now)s RETURNING kind, target
"""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look at a target showed."""

    good: bool
    detail: str
    duration: timedelta


def refresh(clients: Clients) -> int:
    """Look at every target that is due and write down what was found; return how many were looked at.

    Each is claimed by one UPDATE, so that two sweeps at once do not both look.
    """
    targets = _claim(clock.now())
    findings = look(targets, clients)
    for target, finding in findings.items():
        record(target, finding, now=clock.now())
    return len(findings)


def _claim(now: datetime) -> list[Target]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"now": now, "next": now + CHECK_EVERY})
        return sorted(set(cursor.fetchall()))


def look(targets: Iterable[Target], clients: Clients) -> dict[Target, Finding]:
    """Look at all targets side by side; one that does not answer in time is not well."""
    wanted = list(targets)
    limit = settings.AGENT_CHECK_TIMEOUT
    pool = ThreadPoolExecutor(max_workers=_MOST_AT_ONCE, thread_name_prefix="agent-check")
    try:
        running = {target: pool.submit(_look, target, clients) for target in wanted}
        rounds = 1 + len(wanted) // _MOST_AT_ONCE
        wait(running.values(), timeout=limit.total_seconds() * rounds)
        return {target: _finding(future, limit) for target, future in running.items()}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _finding(future: Future[Finding], limit: timedelta) -> Finding:
    if future.done() and not future.cancelled():
        return future.result()
    return Finding(good=False, detail=f"No answer within {limit.total_seconds():g} s.", duration=limit)


def _look(target: Target, clients: Clients) -> Finding:
    began = time.monotonic()
    kind, name = target
    try:
        detail, good = (_vendor(name, clients), True) if kind == CheckKind.VENDOR else _url(name)
    except (VendorError, httpx.HTTPError, Refusal) as error:
        good, detail = False, str(error) or type(error).__name__
    except Exception as error:  # the other targets are looked at all the same
        log.exception("a check failed", kind=kind, target=redact.text(name))
        good, detail = False, f"The look itself failed: {type(error).__name__}."
    took = timedelta(seconds=time.monotonic() - began)
    if took > settings.AGENT_CHECK_TIMEOUT:
        good, detail = False, f"The answer took {took.total_seconds():.1f} s."
    return Finding(good=good, detail=redact.text(detail)[:500], duration=took)


class Refusal(Exception):  # noqa: N818 - reads as a word of the domain
    """A target that is not looked at; the message says why and what would change it."""


def _vendor(name: str, clients: Clients) -> str:
    paths: Mapping[str, str] = settings.AGENT_VENDOR_CHECKS
    if name not in paths:
        raise Refusal(f"No vendor is called {name}.")
    check: Callable[[Clients], str] = import_string(paths[name])
    return check(clients)


def _url(address: str) -> tuple[str, bool]:
    """Ask an address; what it redirects to is not followed, since it was not allowed by anybody."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not {host, parts.netloc} & set(settings.AGENT_CHECK_HOSTS):
        raise Refusal(f"The host {host[:100]!r} does not stand in AGENT_CHECK_HOSTS.")
    limit = settings.AGENT_CHECK_TIMEOUT.total_seconds()
    with (
        httpx.Client(timeout=limit, follow_redirects=False, trust_env=False) as http,
        http.stream("GET", address) as answer,
    ):
        return f"answered {answer.status_code}", answer.is_success


@transaction.atomic
def record(target: Target, finding: Finding, *, now: datetime) -> None:
    """Write down what was found for all agents that share the target."""
    kind, name = target
    for row in Check.objects.select_for_update().filter(kind=kind, target=name).order_by("agent_id", "pk"):
        health = health_after(Health(ok=row.ok, streak=row.streak), good=finding.good)
        healed = row.ok is False and health.ok is True
        Check.objects.filter(pk=row.pk).update(
            ok=health.ok,
            streak=health.streak,
            checked_at=now,
            detail=finding.detail,
            duration_ms=round(finding.duration.total_seconds() * 1000),
            healed_at=now if healed else row.healed_at,
        )
        if healed:
            _give_a_new_start(row, now)
        if health.ok is not row.ok:
            _tell(row, health, finding)


def _tell(row: Check, health: Health, finding: Finding) -> None:
    words = {True: "well", False: "down", None: "unknown"}
    facts = {"entity": f"check {row.key}", "from": words[row.ok], "to": words[health.ok], "trigger": "check"}
    news.of_agent(row.agent_id, "state.transition", {**facts, "reason": finding.detail})


def _give_a_new_start(row: Check, now: datetime) -> None:
    """Forget the failures of what needed the healed dependency, where the policy gives recovered agents a chance."""
    for each in Capability.objects.filter(agent_id=row.agent_id, requirements__contains=[row.key]):
        if policies.of(each.name).exploration_rate > 0:
            Capability.objects.filter(pk=each.pk).update(window_since=now)
