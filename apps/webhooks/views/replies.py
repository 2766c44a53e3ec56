"""The door for answers by link: a page to answer one question without signing in, once, until its deadline.

The token in the address is the proof (meshsix/durable/links.py). To look at the page changes nothing: previews of links
and mail scanners look too. Buttons of ntfy post here with plain text, a form, JSON, or nothing where the link has a
choice of its own: https://docs.ntfy.sh/publish/#send-http-request
"""

import hashlib
import json
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.webhooks import queries
from apps.webhooks.doors import github
from apps.webhooks.doors.calls import DUPLICATE, LATER
from apps.webhooks.handlers.replies import REPLY
from apps.webhooks.intake import Incoming, compressed
from apps.webhooks.models import Door
from meshsix.durable import links
from meshsix.durable.links import Link
from meshsix.kit import clock
from meshsix.web import limits
from meshsix.web.addresses import client_address
from meshsix.web.catalog import wording

MOST_BYTES = 64 * 1024
MOST_TEXT = 4000
_FIELD = "answer"
_STATUS = {
    "webhooks:reply:unknown": HTTPStatus.NOT_FOUND,
    "webhooks:reply:expired": HTTPStatus.GONE,
    "webhooks:reply:used": HTTPStatus.CONFLICT,
    "webhooks:reply:empty": HTTPStatus.BAD_REQUEST,
    "webhooks:reply:later": HTTPStatus.SERVICE_UNAVAILABLE,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
}


@csrf_exempt  # the token is the proof, and no cookie is looked at
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reply(request: HttpRequest, token: str) -> HttpResponse:
    """Show the question (GET), or take its answer (POST)."""
    taken = limits.take("ntfy-reply", f"address:{client_address(request)}")
    request.rate_limit = taken  # type: ignore[attr-defined] # the middleware writes the headers
    if not taken.allowed:
        return _refused(request, "rate_limited")
    try:
        link = links.read(token)
    except links.Forged:
        return _refused(request, "webhooks:reply:unknown")
    problem = _problem(link)
    if problem:
        return _refused(request, problem)
    return _take(request, link) if request.method == "POST" else _show(request, link)


def _problem(link: Link) -> str:
    if clock.now() >= link.until:
        return "webhooks:reply:expired"
    return "webhooks:reply:used" if queries.was_replied(_guid(link)) else ""


def _show(request: HttpRequest, link: Link, problem: str = "") -> HttpResponse:
    context = {
        "link": link,
        "question": queries.question(link.question),
        "most": MOST_TEXT,
        "problem": wording(problem) if problem else None,
        "code": problem,
    }
    return render(request, "web/reply.html", context, status=_STATUS.get(problem, HTTPStatus.OK))


def _take(request: HttpRequest, link: Link) -> HttpResponse:
    answer = link.choice or _text(request)
    if not answer:
        is_form = _wants_page(request)
        return _show(request, link, "webhooks:reply:empty") if is_form else _refused(request, "webhooks:reply:empty")
    body = json.dumps({"question": link.question, "answer": answer}).encode()
    incoming = Incoming(door=Door.NTFY, guid=_guid(link), event=REPLY, headers={}, payload=compressed(body))
    stored = github.stored([incoming])[0]
    if stored in {DUPLICATE, LATER}:
        return _refused(request, "webhooks:reply:used" if stored is DUPLICATE else "webhooks:reply:later")
    if _wants_page(request):
        return render(request, "web/replied.html", {"answer": answer}, status=HTTPStatus.ACCEPTED)
    return JsonResponse({"status": "accepted"}, status=HTTPStatus.ACCEPTED)


def _guid(link: Link) -> str:
    """Return the delivery's guid: it opens nothing, unlike the token."""
    return hashlib.sha256(link.id.encode()).hexdigest()


def _text(request: HttpRequest) -> str:
    """Return the answer of the body, whichever of its three forms it has; empty where it has none."""
    if request.content_type in {"application/x-www-form-urlencoded", "multipart/form-data"} and _FIELD in request.POST:
        return _clean(str(request.POST[_FIELD]))
    try:
        raw = request.body[:MOST_BYTES].decode("utf-8", "replace")
    except RawPostDataException:
        return ""
    if request.content_type == "application/json":
        return _clean(_of_json(raw))
    return _clean(raw)


def _of_json(raw: str) -> str:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return ""
    answer = found.get(_FIELD) if isinstance(found, dict) else found
    return answer if isinstance(answer, str) else ""


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:MOST_TEXT]


def _wants_page(request: HttpRequest) -> bool:
    return request.accepts("text/html") and "text/html" in request.headers.get("Accept", "")


def _refused(request: HttpRequest, code: str) -> HttpResponse:
    status, words = _STATUS[code], wording(code)
    if _wants_page(request):
        return render(request, "web/reply_refused.html", {"words": words, "code": code}, status=status)
    body = {"code": code, "title": words.means, "hint": words.hint, "status": status.value}
    return JsonResponse(body, status=status, content_type="application/problem+json")
