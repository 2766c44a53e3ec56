"""What stands before a page, and what only beside it: a wall asks for a person, a script that looks on does not."""

import pytest

from meshsix.integrations.web import messages

JSD = (
    "<script>window.__CF$cv$params={r:'1',t:'2'};var a=document.createElement('script');"
    "a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js';document.head.appendChild(a);</script>"
)
TURNSTILE = '<script src="https://challenges.cloudflare.com/turnstile/v0/api.js" async defer></script>'
CONTACT = '<form action="/contact"><textarea name="text"></textarea><div class="cf-turnstile"></div></form>'
WAF = '<script src="https://1a2b.eu-west-1.token.awswaf.com/1a2b/challenge.js"></script>'
CAPTCHA = "<script>AwsWafCaptcha.renderCaptcha(container, {apiKey: 'k'});</script>"
LOGIN = '<form action="/login"><input name="user"><input type="password" name="password"></form>'
PERSON = "<p>Verify you are human</p>"


def wall(sign: str) -> str:
    page = f"<html><head><title>Heron</title></head><body><p>Heron needs PostgreSQL.</p>{sign}</body></html>"
    return messages.wall(page.encode(), charset="utf-8")


@pytest.mark.parametrize(
    "sign",
    [
        JSD,
        TURNSTILE,
        TURNSTILE + CONTACT,
        WAF,
        *(f"<{place}>{LOGIN}</{place}>" for place in ("header", "nav", "aside")),
    ],
)
def test_a_short_page_that_asks_for_nobody_is_a_page(sign: str) -> None:
    assert wall(sign) == ""


@pytest.mark.parametrize(
    "sign",
    [
        JSD + PERSON,
        TURNSTILE + PERSON,
        f"{TURNSTILE}<p>Checking your browser before you may go on</p>",
        '<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1?ray=1"></script>',
        "<script>window._cf_chl_opt = {cType: 'managed'};</script>",
        '<form action="/"><input type="hidden" name="r"><div class="cf-turnstile"></div></form>',
        f"{WAF}<noscript>We need to verify that you're not a robot.</noscript>",
        CAPTCHA,
    ],
)
def test_a_short_page_that_asks_for_a_person_is_a_wall(sign: str) -> None:
    assert wall(sign) == "a captcha"


def test_a_short_page_with_a_password_to_fill_in_is_a_sign_in() -> None:
    assert wall(f"<header>{LOGIN}</header><main>{LOGIN}</main>") == "a sign-in"
