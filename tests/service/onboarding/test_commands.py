"""The commands, in this process: each exit code, `--json` against a schema, and clean output in a pipe."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jsonschema
import pytest
from django.core.management import execute_from_command_line
from pytest_django import Settings

from apps.onboarding import services
from apps.onboarding.models import Onboarding
from apps.onboarding.serializers import ask_from
from apps.onboarding.states import Status
from apps.projects.credentials.models import AccessToken
from meshsix.kit.actor import SYSTEM
from tests.web_process import person

pytestmark = pytest.mark.django_db(transaction=True)

DONE, FAILED, USAGE, WAITS = 0, 1, 2, 3
TEXT, WHOLE = {"type": "string"}, {"type": "integer"}
SCHEMAS: dict[str, dict[str, Any]] = {
    "onboarding": {
        "required": ["id", "status", "steps", "progress", "current_phase", "links"],
        "properties": {"id": TEXT, "status": {"enum": [each.value for each in Status]}, "steps": {"minItems": 15}},
    },
    "list": {
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": {"required": ["id", "status", "repo_name"]}}},
    },
    "doctor": {
        "required": ["repository", "state", "examined_at", "took_seconds", "findings"],
        "properties": {
            "state": {"enum": ["ok", "warning", "failed", "skipped"]},
            "findings": {"minItems": 1, "items": {"required": ["check", "name", "area", "state", "fact", "fix"]}},
        },
    },
    "token": {
        "required": ["id", "token", "expires_at", "scopes"],
        "properties": {"token": {"pattern": "^m6_"}, "scopes": {"const": ["read"]}},
    },
    "revoked": {"required": ["revoked"], "properties": {"revoked": WHOLE}},
    "partitions": {"required": ["made", "moved"], "properties": {"made": {"type": "array"}, "moved": WHOLE}},
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self, schema: str) -> Any:  # noqa: ANN401 - JSON
        """Return the one object on stdout, which fits the schema."""
        (line,) = self.out.splitlines()
        found = json.loads(line)
        jsonschema.validate(found, {"type": "object", "additionalProperties": True, **SCHEMAS[schema]})
        return found


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command as a script would: stdin, stdout and stderr are pipes."""
    stdin_before = sys.stdin

    def run(*words: str, stdin: str = "") -> Ended:
        sys.stdin = io.StringIO(stdin)
        capsys.readouterr()
        code = DONE
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        found = capsys.readouterr()
        assert "\x1b" not in found.out + found.err, "a pipe gets no colours"
        return Ended(code=code, out=found.out, err=found.err)

    yield run
    sys.stdin = stdin_before


@pytest.fixture
def row() -> Onboarding:
    return services.start_onboarding(ask_from({"repository": "octo-org/bookmarks"}), actor=SYSTEM)


# --- onboard ---------------------------------------------------------------------------------------------------------
def test_onboard_starts(run: Run) -> None:
    ended = run("onboard", "octo-org/bookmarks")
    assert (ended.code, "Onboarding octo-org/bookmarks: pending" in ended.out) == (DONE, True), ended


def test_onboard_gives_json(run: Run) -> None:
    found = run("onboard", "https://github.com/octo-org/bookmarks.git", "--json").json("onboarding")
    assert Onboarding.objects.get(pk=found["id"]).full_name == "octo-org/bookmarks"


def test_onboard_is_refused_while_one_is_under_way(run: Run, row: Onboarding) -> None:
    ended = run("onboard", "octo-org/bookmarks", "--json")
    assert (ended.code, ended.out, str(row.pk) in ended.err) == (FAILED, "", True)


@pytest.mark.parametrize(
    "words", [["nonsense"], ["octo-org/x", "--mode", "nowhere"], ["octo-org/x", "--max-budget", "-1"], []]
)
def test_onboard_is_used_wrongly(run: Run, words: list[str]) -> None:
    ended = run("onboard", *words)
    assert (ended.code, Onboarding.objects.count()) == (USAGE, 0), ended


def test_a_command_as_somebody_who_does_not_exist(run: Run) -> None:
    assert run("onboard", "octo-org/bookmarks", "--as", "nobody").code == USAGE


# --- onboarding_status -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.PENDING, DONE),
        (Status.RUNNING, DONE),
        (Status.COMPLETED, DONE),
        (Status.FAILED, FAILED),
        (Status.CANCELLED, FAILED),
        (Status.WAITING_AUTH, WAITS),
    ],
)
def test_status_tells_by_its_exit_code(run: Run, row: Onboarding, status: Status, code: int) -> None:
    Onboarding.objects.filter(pk=row.pk).update(status=status)
    assert run("onboarding_status", "octo-org/bookmarks").code == code
    ended = run("onboarding_status", "octo-org/bookmarks", "--json")
    assert (ended.code, ended.json("onboarding")["status"]) == (code, status)


def test_status_shows_what_a_vendor_said_as_it_was_said(run: Run, row: Onboarding) -> None:
    Onboarding.objects.filter(pk=row.pk).update(status=Status.FAILED, error_code="x:y", error_hint="no [/such] [field]")
    assert "no [/such] [field]" in run("onboarding_status", "octo-org/bookmarks").out


def test_status_lists_all(run: Run, row: Onboarding) -> None:
    assert run("onboarding_status").out.startswith("octo-org/bookmarks\tpending\t"), "a pipe gets plain lines"
    assert [each["id"] for each in run("onboarding_status", "--json").json("list")["results"]] == [str(row.pk)]


def test_status_of_nothing(run: Run) -> None:
    assert run("onboarding_status").code == DONE
    assert run("onboarding_status", "octo-org/nothing").code == FAILED
    assert run("onboarding_status", "nonsense").code == USAGE


# --- submit_oauth_code -----------------------------------------------------------------------------------------------
def test_a_code_that_nobody_waits_for(run: Run, row: Onboarding) -> None:
    ended = run("submit_oauth_code", str(row.pk), stdin="planted-code\n")
    assert (ended.code, "planted-code" in ended.out + ended.err) == (FAILED, False)


def test_no_code_and_no_prompt_in_a_pipe(run: Run, row: Onboarding) -> None:
    assert run("submit_oauth_code", str(row.pk)).code == USAGE


@pytest.mark.parametrize(
    ("which", "code"),
    [("nonsense", USAGE), ("octo-org/nothing", FAILED), ("01890a5d-ac96-774b-bcce-b302099a8057", FAILED)],
)
def test_a_code_for_nothing(run: Run, which: str, code: int) -> None:
    assert run("submit_oauth_code", which, stdin="x\n").code == code


# --- doctor ----------------------------------------------------------------------------------------------------------
def test_doctor_is_content(run: Run) -> None:
    ended = run("doctor", "--only", "database")
    assert ended.code == DONE, ended
    assert "ok\tdatabase\t" in ended.out


def test_doctor_finds_something(run: Run, settings: Settings) -> None:
    settings.GITHUB_TOKEN = settings.GITHUB_APP_ID = ""
    ended = run("doctor", "--only", "settings")
    assert (ended.code, "\tfix\tSet GITHUB_TOKEN_FILE" in ended.out) == (FAILED, True), ended
    ended = run("doctor", "--only", "settings", "--json")
    assert (ended.code, ended.json("doctor")["state"]) == (FAILED, "failed")


@pytest.mark.parametrize("words", [["nonsense"], ["--only", "nothing"], ["--auth-method", "nothing"]])
def test_doctor_is_used_wrongly(run: Run, words: list[str]) -> None:
    assert run("doctor", *words).code == USAGE


# --- tokens ----------------------------------------------------------------------------------------------------------
def test_a_token_is_printed_alone_and_once(run: Run) -> None:
    person("ada", "admin")
    ended = run("issue_token", "--for", "ada", "--scope", "read")
    assert (ended.code, ended.out.startswith("m6_"), len(ended.out.splitlines())) == (DONE, True, 1)
    assert ended.out.strip() not in ended.err
    found = run("issue_token", "--for", "ada", "--scope", "read", "--json").json("token")
    assert run("revoke_token", found["id"], "--json").json("revoked") == {"revoked": 1}
    assert AccessToken.objects.get(pk=found["id"]).revoked_at is not None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--for", "nobody", "--scope", "read"], USAGE),
        (["--for", "ada", "--scope", "everything"], USAGE),
        (["--for", "ada"], USAGE),
        (["--for", "ada", "--scope", "read", "--project", "octo-org/nothing"], USAGE),
        (["--for", "ada", "--scope", "read", "--project", "nonsense"], USAGE),
        (["--for", "ada", "--scope", "read", "--days", "4000"], FAILED),
    ],
)
def test_a_token_is_not_issued(run: Run, words: list[str], code: int) -> None:
    person("ada", "admin")
    ended = run("issue_token", *words)
    assert (ended.code, ended.out, AccessToken.objects.count()) == (code, "", 0), ended


def test_a_token_is_not_revoked(run: Run) -> None:
    assert run("revoke_token", "01890a5d-ac96-774b-bcce-b302099a8057").code == FAILED
    assert run("revoke_token", "nonsense").code == USAGE
    assert run("revoke_token").code == USAGE
    assert run("revoke_token", "--environment", "env-nothing").code == FAILED


# --- the rest --------------------------------------------------------------------------------------------------------
def test_mcp_wants_to_know_for_whom(run: Run) -> None:
    assert run("mcp").code == USAGE
    assert run("mcp", "--as", "nobody").code == USAGE


def test_partitions_are_made_once(run: Run) -> None:
    run("ensure_partitions")
    ended = run("ensure_partitions", "--json")
    assert (ended.code, ended.json("partitions")) == (DONE, {"made": [], "moved": 0})
    assert "0 partitions made" in run("ensure_partitions").out
    assert run("ensure_partitions", "--months", "many").code == USAGE
