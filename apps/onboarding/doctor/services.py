"""Runs the checks side by side, each within its time, and collects what they say. Changes nothing but what it removes.

A check that takes too long is reported so; its thread goes on until its client gives up, and removes its probe.
"""

import re
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.onboarding.doctor.check import Check, Said, failed, skipped
from apps.onboarding.doctor.checks import CHECKS
from apps.onboarding.doctor.exam import Exam, Unknown
from apps.onboarding.doctor.report import Finding, Report
from apps.onboarding.words import AuthMethod
from meshsix.integrations.errors import VendorError
from meshsix.kit import clock, ids, redact
from meshsix.kit.names import RepositoryName
from meshsix.wiring import Clients

log = structlog.get_logger()

_LATER = re.compile(r"(, then|;? ?Then) (resume|start anew)(?=[.:])", re.IGNORECASE)
_AWAY = (DatabaseError, RedisError, OperationalError, OSError)


class NoSuchCheck(ValueError):  # noqa: N818 - reads as a word of the domain
    """A name that is neither a check's nor an area's."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"There is no check {', '.join(sorted(names))}. There are: {', '.join(choices())}.")


def choices() -> tuple[str, ...]:
    """Return what `only` may name: areas and checks."""
    areas = dict.fromkeys(check.area.value for check in CHECKS)
    return tuple(dict.fromkeys([*areas, *(check.name for check in CHECKS)]))


def examine(
    repository: RepositoryName | None,
    clients: Clients,
    *,
    auth_method: AuthMethod = AuthMethod.LOGIN,
    only: Collection[str] = (),
    within: timedelta | None = None,
) -> Report:
    """Return what stands in the way of onboarding `repository`, or any repository where it is None.

    `only` names checks or areas; raises NoSuchCheck. Each check has the time `within` (DOCTOR_CHECK_SECONDS).
    """
    if unknown := set(only) - set(choices()):
        raise NoSuchCheck(unknown)
    exam = Exam(named=repository, clients=clients, auth_method=auth_method, probe=f"doctor-{ids.new_id().hex}")
    checks = [check for check in CHECKS if not only or {check.name, check.area.value} & set(only)]
    started = clock.now()
    findings = tuple(_findings(checks, exam, within or settings.DOCTOR_CHECK_TIME))
    report = Report(
        repository=repository.full_name if repository else "",
        examined_at=started,
        took=clock.now() - started,
        findings=findings,
    )
    log.info("examined", repository=report.repository, state=report.state, seconds=report.took.total_seconds())
    return report


def _findings(checks: list[Check], exam: Exam, within: timedelta) -> Iterator[Finding]:
    pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="doctor")
    try:
        asked = [(check, pool.submit(_look, check, exam)) for check in checks]
        wait([future for _, future in asked], timeout=within.total_seconds())
        for check, future in asked:
            for said in _said(future, within):
                yield _finding(check, said)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look(check: Check, exam: Exam) -> list[Said]:
    try:
        return list(check.look(exam))
    finally:
        connection.close()  # a thread of one examination leaves none behind


def _said(future: "Future[list[Said]]", within: timedelta) -> list[Said]:
    """Return what a check said; its known failures count as words, anything else is a fault of ours and is raised."""
    if not future.done():
        fix = "Look at the vendor's health and the network in between, then check again."
        return [failed(f"No answer within {within.total_seconds():g} s.", fix=fix)]
    match future.exception():
        case Unknown() as unknown:
            return [skipped(str(unknown))]
        case VendorError() as error:
            return [failed(str(error), fix=_LATER.sub("", error.hint) or "Look at the vendor's own log.")]
        case error if isinstance(error, _AWAY):
            return [failed(f"No answer: {type(error).__name__}.", fix="Start the server, or correct its address.")]
    return future.result()


def _finding(check: Check, said: Said) -> Finding:
    return Finding(
        check=check.name,
        name=f"{check.name}-{said.part}" if said.part else check.name,
        area=check.area,
        state=said.state,
        fact=redact.text(said.fact),
        fix=redact.text(said.fix),
    )
