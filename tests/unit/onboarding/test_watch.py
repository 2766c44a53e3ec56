"""What a terminal and a pipe show of a sign-in."""

import io
from uuid import UUID

from rich.console import Console

from apps.onboarding.models import Onboarding
from apps.onboarding.watch import sign_in_box, sign_in_lines

ADDRESS = "https://sign-in.example.org/oauth/authorize?" + "&".join(f"name{number}=value" for number in range(30))
ROW = Onboarding(run_id=UUID(int=1), oauth_device_url=ADDRESS, oauth_user_code="ABCD-EFGH")


def test_a_narrow_terminal_shows_the_whole_address() -> None:
    shown = io.StringIO()
    Console(file=shown, width=60, force_terminal=False).print(sign_in_box(ROW))
    assert ADDRESS in "".join(line.strip("│ ") for line in shown.getvalue().splitlines())


def test_a_pipe_gets_the_address_on_one_line() -> None:
    assert f"Sign in at: {ADDRESS}\n" in sign_in_lines(ROW)
    assert "ABCD-EFGH" in sign_in_lines(ROW)
