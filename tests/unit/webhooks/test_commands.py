"""Commands in comments: what is one, and what only looks like one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.webhooks.commands import Command, Verb, parse


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/mesh start", Command(verb=Verb.START)),
        ("/mesh stop", Command(verb=Verb.STOP)),
        ("/mesh retry", Command(verb=Verb.RETRY)),
        ("/mesh approve", Command(verb=Verb.APPROVE)),
        ("/mesh status", Command(verb=Verb.STATUS)),
        ("  /MESH  Start please\r\n", Command(verb=Verb.START)),
        ("Thanks!\n\n/mesh retry", Command(verb=Verb.RETRY)),
        ("/mesh answer Use the second one", Command(verb=Verb.ANSWER, text="Use the second one")),
        ("/answer Yes,\nand quickly", Command(verb=Verb.ANSWER, text="Yes,\nand quickly")),
        ("/answer\nYes", Command(verb=Verb.ANSWER, text="Yes")),
        ("/answer Q3 Blue", Command(verb=Verb.ANSWER, text="Blue", question="Q3")),
        ("/mesh answer q12: Blue", Command(verb=Verb.ANSWER, text="Blue", question="Q12")),
        ("/mesh start\n/mesh stop", Command(verb=Verb.START)),
        ("/answer /mesh stop", Command(verb=Verb.ANSWER, text="/mesh stop")),
        ("```\n/mesh start\n```\n/mesh stop", Command(verb=Verb.STOP)),
        ("", None),
        ("mesh start", None),
        ("/mesh", None),
        ("/mesh dance", None),
        ("/mesh answer", None),
        ("/answer   ", None),
        ("/answer Q3", None),
        ("/answers Yes", None),
        ("/mesh startle", None),
        ("/mesh start/stop", None),
        ("Say /mesh start to begin", None),
        ("> /mesh start", None),
        ("    /mesh start", None),
        ("```\n/mesh start\n```", None),
        ("```\n/mesh start", None),
        ("~~~\n```\n/mesh start\n~~~", None),
    ],
)
def test_what_is_a_command(body: str, command: Command | None) -> None:
    assert parse(body) == command


@given(
    body=st.text() | st.lists(st.sampled_from(["/mesh", "start", "/answer", "```", "> ", "\n", "Q1", " "])).map("".join)
)
def test_any_comment_is_read_without_an_error(body: str) -> None:
    found = parse(body)
    assert found is None or (found.text != "") == (found.verb is Verb.ANSWER)
