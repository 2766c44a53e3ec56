"""Models, storage, notices and the coding agent's sign-in."""

from collections.abc import Iterator
from contextlib import suppress

from django.conf import settings

from apps.onboarding.doctor.check import Said, failed, good_or, ok, skipped, warning
from apps.onboarding.doctor.exam import Exam
from apps.onboarding.words import AuthMethod
from meshsix.integrations.errors import Missing, Refused, VendorError
from meshsix.kit import names

_LINK = "CLAUDE_OAUTH_CLIENT_ID, CLAUDE_OAUTH_AUTHORIZE_URL and CLAUDE_OAUTH_TOKEN_URL"
_DEVICE = "CLAUDE_OAUTH_CLIENT_ID, CLAUDE_OAUTH_DEVICE_URL and CLAUDE_OAUTH_TOKEN_URL"


def models(exam: Exam) -> Iterator[Said]:
    """Whether LiteLLM takes our admin key and serves the default model."""
    litellm = exam.clients.litellm
    if litellm is None:
        yield skipped("No LiteLLM is configured (LITELLM_URL): projects get no model budget.")
        return
    try:
        litellm.team(f"mesh-six-{exam.probe}")
    except Missing:
        yield ok("LiteLLM takes our admin key.")
    served, wanted = litellm.models(), settings.LITELLM_DEFAULT_MODEL
    fix = f"Add {wanted} to model_list of LiteLLM, or set LITELLM_DEFAULT_MODEL to one of: {', '.join(served)}"
    lacks = failed(f"LiteLLM serves no model {wanted}.", fix=fix, part="default")
    yield good_or(wanted in served, f"LiteLLM serves {wanted}.", otherwise=lacks)


def storage(exam: Exam) -> Iterator[Said]:
    """Whether an object can be put, got and deleted."""
    bucket, key = exam.clients.storage, names.probe_key(exam.probe)
    if not bucket.has_bucket():
        fix = f"aws s3 mb s3://{bucket.bucket}, or let the first onboarding make it."
        yield warning(f"There is no bucket {bucket.bucket} yet, so rights in it could not be proven.", fix=fix)
        return
    try:
        bucket.put(key, exam.probe.encode())
        same = bucket.get(key) == exam.probe.encode()
    except VendorError:
        with suppress(VendorError):
            bucket.delete(key)  # a put that seemed to fail may have been done
        raise
    kept = _left_behind(exam, key)
    if kept is not None:
        yield kept
        return
    other = failed(f"What was got from {bucket.bucket} is not what was put.", fix="Look for a proxy or cache between.")
    yield good_or(same, f"In {bucket.bucket} a probe was put, got and deleted.", otherwise=other)


def _left_behind(exam: Exam, key: str) -> Said | None:
    """Delete the probe; return what to say where we may not."""
    bucket = exam.clients.storage.bucket
    try:
        exam.clients.storage.delete(key)
    except Refused as error:
        fix = f"Allow s3:DeleteObject on arn:aws:s3:::{bucket}/*, then: aws s3 rm s3://{bucket}/{key}"
        return failed(f"{error} The probe {key} stays.", fix=fix)
    return None


def notices(exam: Exam) -> Iterator[Said]:
    """Whether ntfy can be reached with our token."""
    if exam.clients.ntfy is None:
        yield skipped("No ntfy is configured (NTFY_URL): nobody is told when a sign-in waits; its page still shows it.")
        return
    sick = warning("ntfy says that it is not healthy.", fix="Read the ntfy server's log.")
    yield good_or(exam.clients.ntfy.listens(), f"ntfy takes our token for {settings.NTFY_TOPIC}.", otherwise=sick)


def signing_in(exam: Exam) -> Iterator[Said]:
    """Whether the chosen way to sign in to the coding agent is configured."""
    claude, method = exam.clients.claude, exam.auth_method
    match method:
        case AuthMethod.LOGIN:
            ready, wanted = claude.can_sign_in_by_link, _LINK
        case AuthMethod.DEVICE:
            ready, wanted = claude.can_sign_in_by_device, _DEVICE
        case AuthMethod.SETUP_TOKEN | AuthMethod.API_KEY:
            ready, wanted = True, ""
    fix = f"Set {wanted}, or choose auth_method setup_token or api_key."
    lacks = failed(f"Signing in by {method} is not configured.", fix=fix)
    yield good_or(ready, f"Signing in by {method} is configured.", otherwise=lacks)
