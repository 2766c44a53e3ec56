"""The pages of onboarding: list, start form, and one page per run. Every act is a plain form with a redirect."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.onboarding import queries, services
from apps.onboarding.doctor import services as doctor
from apps.onboarding.forms import OnboardForm
from apps.onboarding.models import Onboarding
from apps.onboarding.states import Status
from apps.projects.credentials.services import BadCode
from apps.projects.queries import may_touch
from meshsix.kit.actor import Actor, Door
from meshsix.live.queries import last_of, last_seq, latest_events
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role
from meshsix.wiring import clients

_ROWS = 25
_EVENTS = 200
_HOURS = {"24": 24, "168": 168}
_STATUSES = [
    (Status.WAITING_AUTH, "Waits for sign-in"),
    (queries.UNDER_WAY, "Under way"),
    (Status.FAILED, "Stopped"),
    (Status.COMPLETED, "Completed"),
    (Status.CANCELLED, "Cancelled"),
]


@require_GET
@needs_role(Role.VIEWER)
def onboarding_list(request: HttpRequest) -> HttpResponse:
    """Show the onboardings, filtered by the address."""
    asked = {name: request.GET.get(name, "").strip() for name in ("status", "owner", "q", "hours")}
    rows = queries.filtered(
        queries.onboardings(request.user),
        status=asked["status"],
        owner=asked["owner"],
        words=asked["q"],
        hours=_HOURS.get(asked["hours"]),
    )
    seq = last_seq()  # read before the rows: what is newer is fetched again
    page = Paginator(rows, _ROWS).get_page(request.GET.get("page"))
    context = {"page": page, "asked": asked, "statuses": _STATUSES, "seq": seq}
    return render(request, _template(request, "list"), context)


@require_GET
@needs_role(Role.VIEWER)
def onboarding_overview(request: HttpRequest) -> HttpResponse:
    """Show the overview's part: what is under way, what stopped lately."""
    seq = last_seq()  # read before the rows: what is newer is fetched again
    bundles = queries.bundles(queries.onboardings(request.user))
    return render(request, "web/onboarding/overview.html", {"bundles": bundles, "seq": seq})


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(Role.OPERATOR)
def onboarding_new(request: HttpRequest) -> HttpResponse:
    """Show the start form; on POST start, or with the button "Check first" show what doctor finds."""
    form = (
        OnboardForm(request.POST) if request.method == "POST" else OnboardForm.about(request.GET.get("repository", ""))
    )
    if form.is_bound and form.is_valid() and form.ask is not None:
        if not may_touch(request.user, form.ask.repository):
            raise PermissionDenied("This repository is not among those that you may touch.")
        if "check" in request.POST:
            report = doctor.examine(form.ask.repository, clients(), auth_method=form.ask.auth_method)
            return render(request, "web/onboarding/new.html", {"form": form, "report": report})
        try:
            row = services.start_onboarding(form.ask, actor=actor_of(request, Door.UI))
        except services.AlreadyOnboarding as error:
            messages.info(request, "This repository is being onboarded already; here it is.")
            return redirect("onboarding-page", error.run_id)
        return redirect("onboarding-page", row.pk)
    return render(request, "web/onboarding/new.html", {"form": form}, status=422 if form.is_bound else 200)


@require_GET
@needs_role(Role.VIEWER)
def onboarding_page(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Show one onboarding."""
    return _show(request, _visible(request, run_id))


def _show(request: HttpRequest, row: Onboarding, *, bad_code: str = "", status: int = 200) -> HttpResponse:
    aggregate = f"run:{row.pk}"
    seq = last_of(aggregate)  # read before the rows: what is newer is fetched again, what is older never is skipped
    context = {
        "detail": queries.detail(row),
        "row": row,
        "aggregate": aggregate,
        "seq": seq,
        "events": latest_events(aggregate, most=_EVENTS),
        "bad_code": bad_code,
    }
    return render(request, _template(request, "page"), context, status=status)


def _template(request: HttpRequest, name: str) -> str:
    """Return the whole page, or its live part where a script asks for it again."""
    part = "_live" if request.headers.get("HX-Request") == "true" else ""
    return f"web/onboarding/{name}{part}.html"


def _visible(request: HttpRequest, run_id: UUID) -> Onboarding:
    row = queries.onboardings(request.user).filter(pk=run_id).first()
    if row is None:
        raise Http404
    return row


def _act(request: HttpRequest, run_id: UUID, does: Callable[[Actor], None], said: str) -> HttpResponse:
    row = _visible(request, run_id)
    try:
        does(actor_of(request, Door.UI))
    except services.AlreadyOnboarding as error:
        messages.warning(request, str(error))
        return redirect("onboarding-page", error.run_id)
    except services.NotNow as error:
        messages.warning(request, str(error))
    except BadCode as error:
        return _show(request, row, bad_code=str(error), status=422)
    else:
        messages.success(request, said)
    return redirect("onboarding-page", run_id)


@require_POST
@needs_role(Role.OPERATOR)
def submit_code(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Hand in the code, token or key of the sign-in."""
    given = request.POST.get("code", "").strip()
    kind = request.POST.get("kind", "code")

    def does(actor: Actor) -> None:
        if kind == "token":
            services.submit_token(run_id, access_token=given, actor=actor)
        else:
            services.submit_code(run_id, given, actor=actor)

    return _act(request, run_id, does, "Thank you: the onboarding goes on.")


@require_POST
@needs_role(Role.OPERATOR)
def sign_in_again(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Make a fresh sign-in address."""
    return _act(request, run_id, lambda actor: services.sign_in_again(run_id, actor=actor), "Here is a fresh address.")


@require_POST
@needs_role(Role.OPERATOR)
def decline(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Decline to sign in."""
    return _act(request, run_id, lambda actor: services.decline(run_id, actor=actor), "The sign-in was declined.")


@require_POST
@needs_role(Role.OPERATOR)
def choose(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Say which board is to be adopted."""
    number = request.POST.get("candidate", "")
    if not (number.isascii() and number.isdigit()):
        messages.warning(request, "Choose one of the boards.")
        return redirect("onboarding-page", run_id)
    does = lambda actor: services.choose_board(run_id, int(number), actor=actor)  # noqa: E731 - as the other acts
    return _act(request, run_id, does, "This board it is.")


@require_POST
@needs_role(Role.OPERATOR)
def resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Go on from the failed step."""
    return _act(request, run_id, lambda actor: services.resume(run_id, actor=actor), "It goes on.")


@require_POST
@needs_role(Role.OPERATOR)
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Cancel; what was made stays."""
    return _act(request, run_id, lambda actor: services.cancel(run_id, actor=actor), "Cancelled. What was made stays.")


@require_POST
@needs_role(Role.OPERATOR)
def rerun(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Do a step and all that depends on it again."""
    step = request.POST.get("step", "")
    return _act(
        request, run_id, lambda actor: services.rerun(run_id, step, actor=actor), f"From {step} on, it is done again."
    )
