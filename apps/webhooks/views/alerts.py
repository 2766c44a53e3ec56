"""The doors for Alertmanager, Grafana and Argo CD: throttle, authenticate, store, answer."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.webhooks.doors import alerts, calls, github, payloads
from apps.webhooks.doors.alerts import Proof
from apps.webhooks.doors.calls import Answer
from apps.webhooks.intake import Incoming, compressed
from apps.webhooks.models import Door
from meshsix.kit import clock
from meshsix.web import limits
from meshsix.web.addresses import client_address


@csrf_exempt  # the token is the proof
@require_POST
def alertmanager(request: HttpRequest) -> HttpResponse:
    """Take alerts of Alertmanager."""
    return _taken(request, Door.ALERTMANAGER, Proof(token=settings.ALERTMANAGER_WEBHOOK_TOKEN))


@csrf_exempt  # the token or the signature is the proof
@require_POST
def grafana(request: HttpRequest) -> HttpResponse:
    """Take alerts of Grafana."""
    proof = Proof(token=settings.GRAFANA_WEBHOOK_TOKEN, secret=settings.GRAFANA_WEBHOOK_SECRET)
    return _taken(request, Door.GRAFANA, proof)


@csrf_exempt  # the token is the proof
@require_POST
def argocd(request: HttpRequest) -> HttpResponse:
    """Take notices of Argo CD."""
    return _taken(request, Door.ARGOCD, Proof(token=settings.ARGOCD_WEBHOOK_TOKEN))


def _taken(request: HttpRequest, door: Door, proof: Proof) -> HttpResponse:
    taken = limits.take(f"webhook-{door}", f"address:{client_address(request)}")
    request.rate_limit = taken  # type: ignore[attr-defined] # the middleware writes the headers
    answer = _answer(request, door, proof) if taken.allowed else calls.TOO_MANY
    return HttpResponse(answer.body, status=answer.status, content_type="application/json")


def _answer(request: HttpRequest, door: Door, proof: Proof) -> Answer:
    headers = {name.lower(): value for name, value in request.headers.items()}
    if calls.declared_length(headers) > alerts.MOST_BYTES:
        return calls.TOO_LARGE
    body, now = request.read(alerts.MOST_BYTES + 1), clock.now()
    if len(body) > alerts.MOST_BYTES:
        return calls.TOO_LARGE
    if not alerts.is_let_in(proof, headers, body, now=now):
        return calls.UNAUTHORIZED
    try:
        payloads.check(body)
    except payloads.NoObject:
        return calls.MALFORMED
    incoming = Incoming(
        door=door,
        guid=alerts.guid(body, now),
        event=alerts.EVENTS[door],
        headers=calls.kept_headers(headers, alerts.KEPT_HEADERS),
        payload=compressed(body),
    )
    return github.stored([incoming])[0]
