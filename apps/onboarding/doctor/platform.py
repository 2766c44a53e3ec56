"""What the platform itself stands on: settings, PostgreSQL, the broker, workers, beat."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from apps.onboarding.doctor.check import Said, failed, good_or, ok, skipped, warning
from apps.onboarding.doctor.exam import Exam
from apps.onboarding.steps.hooks import doors
from meshsix.celery import app
from meshsix.durable import pulse
from meshsix.kit import clock
from meshsix.live import partitions
from meshsix.web import health

_ANSWERS_WITHIN_SECONDS = 2.0
_MOST_SKEW_SECONDS = 5.0
_MOST_SILENCE = 10
"""After how many missed turns beat counts as gone."""


def configured(exam: Exam) -> Iterator[Said]:
    """What every installation must set, and what does not fit together."""
    del exam
    bad = list(_bad_settings())
    yield from bad or [ok(f"All required settings are there; people reach us at {settings.PUBLIC_URL}.")]


def _bad_settings() -> Iterator[Said]:
    if not (settings.GITHUB_TOKEN or settings.GITHUB_APP_ID):
        fix = "Set GITHUB_TOKEN_FILE (or GITHUB_TOKEN), or GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY_FILE."
        yield failed("There is no credential for GitHub.", fix=fix, part="github")
    if settings.GITHUB_APP_ID and not settings.GITHUB_APP_PRIVATE_KEY:
        fix = "Set GITHUB_APP_PRIVATE_KEY_FILE to the PEM file from the app's settings."
        yield failed("GITHUB_APP_ID is set without its private key.", fix=fix, part="github-app")
    if not settings.VAULT_ADDR:
        fix = "Set VAULT_ADDR and one of VAULT_ROLE_ID with VAULT_SECRET_ID, VAULT_KUBERNETES_ROLE, VAULT_TOKEN."
        yield failed("There is no Vault.", fix=fix, part="vault")
    if is_here(doors()) and not is_here(settings.GITHUB_API_URL):
        name = "WEBHOOK_URL" if settings.WEBHOOK_URL else "PUBLIC_URL"
        fact = f"{name} is {doors()}, which GitHub cannot reach: no webhook would arrive."
        fix = f"Set {name} to an https address that leads to this platform from the internet."
        yield failed(fact, fix=fix, part="public-url")
    elif not is_here(settings.PUBLIC_URL) and urlsplit(settings.PUBLIC_URL).scheme != "https":
        fact = f"PUBLIC_URL is {settings.PUBLIC_URL}: sessions and codes would travel unencrypted."
        yield warning(fact, fix="Serve the platform by https and set PUBLIC_URL so.", part="public-url")
    if settings.DEBUG:
        yield warning("DEBUG is on: pages of errors show settings and code.", fix="Set DEBUG=false.", part="debug")


def is_here(url: str) -> bool:
    """Return whether an address is this machine's own, which nobody else can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def database(exam: Exam) -> Iterator[Said]:
    """PostgreSQL answers, has the schema of this version, and its clock is ours."""
    del exam
    with connection.cursor() as cursor:
        before = clock.now()
        cursor.execute("SELECT current_setting('server_version'), clock_timestamp()")
        version, theirs = cursor.fetchone()
    yield ok(f"PostgreSQL {version} answers.")
    skew = abs((theirs - before).total_seconds())
    fix = "Let NTP set the clocks of both machines (timedatectl set-ntp true)."
    behind = warning(f"Its clock and ours are {skew:.0f} s apart.", fix=fix, part="clock")
    yield good_or(skew <= _MOST_SKEW_SECONDS, "Its clock and ours agree.", otherwise=behind)
    try:
        health.migrations()
    except health.Unfit as error:
        yield failed(str(error), fix="manage.py migrate", part="schema")
        return
    yield ok("The schema is that of this version.", part="schema")


def event_log(exam: Exam) -> Iterator[Said]:
    """The event log has its partitions ahead of time."""
    del exam
    months = settings.EVENT_PARTITIONS_AHEAD_MONTHS
    try:
        missing = partitions.missing(clock.now().date(), months=months)
    except DatabaseError:
        yield failed("The event log's table cannot be read.", fix="manage.py migrate")
        return
    fact = f"Missing partitions of the event log: {', '.join(missing)}. Until then its default partition takes all."
    late = warning(fact, fix="manage.py ensure_partitions, and see that beat runs: it does this daily.")
    yield good_or(not missing, f"The event log has partitions for {months} months ahead.", otherwise=late)


def broker(exam: Exam) -> Iterator[Said]:
    """Redis or Valkey answers and never throws messages away by itself."""
    del exam
    with redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=_ANSWERS_WITHIN_SECONDS,
        socket_connect_timeout=_ANSWERS_WITHIN_SECONDS,
    ) as client:
        facts = client.info()
    version = facts.get("valkey_version") or facts.get("redis_version")
    yield ok(f"The broker ({version}) answers.")
    policy = str(facts.get("maxmemory_policy", ""))
    fact = f"Its memory policy is {policy}: a full broker would drop messages, each of which costs some seconds."
    fix = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration."
    safe = policy in {"noeviction", ""} or policy.startswith("volatile-")
    yield good_or(safe, "It drops no message.", otherwise=warning(fact, fix=fix, part="memory"))


def workers(exam: Exam) -> Iterator[Said]:
    """A question goes out through the broker to all workers; each queue must be among what comes back."""
    del exam
    found = app.control.inspect(timeout=_ANSWERS_WITHIN_SECONDS).active_queues() or {}
    served = {queue["name"]: 0 for queues in found.values() for queue in queues}
    for queues in found.values():
        for queue in queues:
            served[queue["name"]] += 1
    for name in settings.CELERY_QUEUES:
        count = served.get(name, 0)
        fact = f"No worker takes from the queue {name}: its work would wait."
        fix = f"celery -A meshsix worker --queues={name}"
        idle = failed(fact, fix=fix, part=name)
        yield good_or(count > 0, f"{count} worker(s) take from the queue {name}.", otherwise=idle)


def beat(exam: Exam) -> Iterator[Said]:
    """The clock that finds what was lost."""
    del exam
    seen = pulse.last()
    if seen is None:
        yield skipped("Beat was not seen since the broker was started; without it nothing that is lost is found again.")
        return
    age = max((clock.now() - seen).total_seconds(), 0)
    fact = f"Beat was last seen {age:.0f} s ago."
    fix = "celery -A meshsix beat, and a worker for the queue maintenance"
    late = warning(f"{fact} Lost messages and deadlines wait for it.", fix=fix)
    yield good_or(age <= _MOST_SILENCE * settings.DURABLE_RECOVERY_INTERVAL.total_seconds(), fact, otherwise=late)
