"""What tells whether the database was already brought up to date by this code, so that a start need not do it again."""

import hashlib
from datetime import UTC, datetime

import psycopg

from deploy.local.options import BASE

_APPLIED = "SELECT count(*), max(applied) FROM django_migrations"
_ACCOUNT = "SELECT count(*) FROM auth_user WHERE username = 'demo'"
_CONNECT_SECONDS = 5


def mark(database_url: str) -> str | None:
    """Return a text that stays the same as long as nothing has to be done; None where the database has no schema yet.

    It changes with the code's migrations and packages, with what is applied, with the account, and each month, since
    the event log has a partition a month.
    """
    if not database_url:
        return None
    try:
        with psycopg.connect(database_url, connect_timeout=_CONNECT_SECONDS) as connection:
            applied = connection.execute(_APPLIED).fetchone()
            account = connection.execute(_ACCOUNT).fetchone()
    except psycopg.Error:
        return None
    return f"{_code()} {applied} {account} {datetime.now(UTC):%Y-%m}"


def _code() -> str:
    """Return a hash of all migrations and of the pinned packages, which bring migrations of their own."""
    files = [BASE / "requirements.txt", *BASE.glob("apps/**/migrations/*.py"), *BASE.glob("meshsix/**/migrations/*.py")]
    hashed = hashlib.sha256()
    for file in sorted(files):
        hashed.update(str(file.relative_to(BASE)).encode() + b"\0" + file.read_bytes())
    return hashed.hexdigest()
