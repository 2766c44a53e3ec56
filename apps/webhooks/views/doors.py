"""The door for GitHub in the web process: the shell around github.py that Django needs."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.webhooks.doors import calls, github
from apps.webhooks.doors.calls import Answer, Call


@csrf_exempt  # the signature is the proof
@require_POST
def take_github(request: HttpRequest, hook_key: str = "") -> HttpResponse:
    """Take a delivery of the hook with this key, or of the one that X-GitHub-Hook-ID names."""
    answer = github.counted(_answer(request, hook_key))
    return HttpResponse(answer.body, status=answer.status, content_type="application/json")


def _answer(request: HttpRequest, hook_key: str) -> Answer:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if calls.declared_length(headers) > calls.MOST_BYTES:
        return calls.TOO_LARGE
    body = request.read(calls.MOST_BYTES + 1)  # meshsix.asgi has refused longer ones before any of it was kept
    if len(body) > calls.MOST_BYTES:
        return calls.TOO_LARGE
    judged = github.judged(Call(hook_key=hook_key, headers=headers, body=body), may_wait=True)
    return judged if isinstance(judged, Answer) else github.stored([judged])[0]
