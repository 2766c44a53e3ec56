"""The pages of agents: who is there, how one fares, why it gets a task or not, and what an operator sets."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.agents.registry.cards import Card
from apps.agents.registry.forms import OverrideForm, PolicyForm, SlotsForm
from apps.agents.registry.models import Agent, Capability
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import listing, policies, records, scores
from apps.agents.registry.queries.visibility import shows
from apps.agents.registry.services import operating
from apps.agents.registry.services.operating import Change
from apps.agents.registry.states import AgentStatus
from apps.projects.queries import may_touch
from meshsix.kit import clock, names
from meshsix.kit.actor import Door
from meshsix.live.queries import last_of, last_seq
from meshsix.web import download
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role

_ROWS = 25
_ATTEMPTS, _SHOWN = 100, 20
_INSTANCES = 20
_COLUMNS = ("agent_id", "title", "status", "enabled", "open_tasks", "max_concurrency", "version", "capabilities")


@require_GET
@needs_role(Role.VIEWER)
def agent_list(request: HttpRequest) -> HttpResponse:
    """Show the agents, filtered by the address."""
    asked = {name: _word(request, name) for name in ("q", "status", "capability")}
    seq = last_seq()  # read before the rows: what is newer is fetched again
    status = asked["status"] if asked["status"] in set(AgentStatus) else ""
    rows = listing.agents(status=status, capability=asked["capability"])
    if asked["q"]:
        rows = rows.filter(agent_id__icontains=asked["q"])
    page = Paginator(rows, _ROWS).get_page(request.GET.get("page"))
    if download.is_asked(request):
        return download.answer(request, "agents", _COLUMNS, map(_as_row, page.object_list))
    context = {
        "page": page,
        "asked": asked,
        "is_filtered": any(asked.values()),
        "statuses": list(AgentStatus),
        "capabilities": records.capability_names(),
        "seq": seq,
    }
    return render(request, _template(request, "list"), context)


def _as_row(agent: Agent) -> dict[str, object]:
    """Return what the list says of an agent."""
    facts = vars(agent)
    offered = " ".join(each.name for each in agent.capabilities.all() if each.withdrawn_at is None)
    return {**facts, "status": facts["status_now"], "capabilities": offered}


@require_GET
@needs_role(Role.VIEWER)
def agent_page(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Show one agent: how it stands, what it can do, how it has fared."""
    return _page(request, agent_id)


def _page(
    request: HttpRequest, agent_id: str, *, slots: SlotsForm | None = None, override: OverrideForm | None = None
) -> HttpResponse:
    """Show the page; with a form that was not filled in right, with what is wrong."""
    aggregate = f"agent:{agent_id}"
    seq, feed_seq = last_of(aggregate), last_seq()  # read before the page's own data
    agent, may_show = _found(agent_id), shows(request.user)
    attempts = list(listing.history(request.user, agent_id).order_by("-id")[:_ATTEMPTS])
    capabilities = sorted(agent.capabilities.all(), key=lambda each: (each.withdrawn_at is not None, each.name))
    context = {
        "agent": agent,
        "projects": [name for name in agent.projects if may_show(name)],
        "capabilities": capabilities,
        "instances": records.instances(agent_id, most=_INSTANCES),
        "attempts": attempts[:_SHOWN],
        "record": records.record(attempts),
        "slots": slots or SlotsForm.of(agent),
        "overrides": [(each, _form_of(each, override)) for each in capabilities if each.withdrawn_at is None],
        "aggregate": aggregate,
        "seq": seq,
        "feed_seq": feed_seq,
    }
    wrong = slots is not None or override is not None
    return render(request, _template(request, "page"), context, status=422 if wrong else 200)


def _form_of(capability: Capability, filled: OverrideForm | None) -> OverrideForm:
    return filled if filled is not None and filled.prefix == capability.name else OverrideForm.of(capability)


def _found(agent_id: str) -> Agent:
    agent = agent_queries.detailed(Agent.objects.filter(pk=agent_id)).first()
    if agent is None:
        raise Http404
    return agent


@require_GET
@needs_role(Role.VIEWER)
def score_page(request: HttpRequest, capability: str) -> HttpResponse:
    """Show all who offer a capability, the best first, and what each score is made of."""
    return _scores(request, capability)


def _scores(request: HttpRequest, capability: str, *, routing: PolicyForm | None = None) -> HttpResponse:
    """Return the page; `routing` is a form that was filled wrongly."""
    seq = last_seq()  # read before the rows: what is newer is fetched again
    project = _project(request)
    cards = _cards(capability, project)
    best = next((card for card in cards if card.eligible), None)
    policy = policies.of(capability)
    context = {
        "capability": capability,
        "page": Paginator(cards, _ROWS).get_page(request.GET.get("page")),
        "count": len(cards),
        "best": best,
        "policy": policy,
        "routing": routing or PolicyForm.of(policy),
        "project": project,
        "agent": _word(request, "agent"),
        "seq": seq,
    }
    return render(request, _template(request, "scores"), context)


def _cards(capability: str, project: str) -> list[Card]:
    cards = scores.candidates(capability, now=clock.now(), project=project)
    if not cards:
        raise Http404
    return cards


@require_POST
@needs_role(Role.OPERATOR)
def set_routing(request: HttpRequest, capability: str) -> HttpResponse:
    """Set how tasks of a capability that somebody offers are routed."""
    _cards(capability, _project(request))
    form = PolicyForm.of(policies.of(capability), request.POST)
    if not form.is_valid():
        return _scores(request, capability, routing=form)
    operating.set_policy(capability, form.cleaned_data, actor=actor_of(request, Door.UI))
    messages.success(request, f"{capability} is routed by what you set.")
    return redirect("score-page", capability)


def _project(request: HttpRequest) -> str:
    """Return the project that is asked for, in lower case; nothing where it is none that the person may touch."""
    try:
        repository = names.parse_repository(_word(request, "project"))
    except names.BadName:
        return ""
    return repository.full_name.lower() if may_touch(request.user, repository) else ""


@require_POST
@needs_role(Role.OPERATOR)
def switch(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Let an agent get work, or no more."""
    enabled = request.POST.get("enabled") == "true"
    _set(request, agent_id, Change(agent={"enabled": enabled}))
    said = "gets work again" if enabled else "gets no more work; what it is doing it may finish"
    messages.success(request, f"{agent_id} {said}.")
    return redirect("agent-page", agent_id)


@require_POST
@needs_role(Role.OPERATOR)
def set_slots(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Set how many tasks an agent may have at once."""
    form = SlotsForm.of(_found(agent_id), request.POST)
    if not form.is_valid():
        return _page(request, agent_id, slots=form)
    _set(request, agent_id, Change(agent=form.cleaned_data))
    messages.success(request, f"{agent_id} has {form.cleaned_data['max_concurrency']} slots now.")
    return redirect("agent-page", agent_id)


@require_POST
@needs_role(Role.OPERATOR)
def override(request: HttpRequest, agent_id: str, capability: str) -> HttpResponse:
    """Set how a capability of an agent is scored."""
    row = agent_queries.capability(agent_id, capability)
    if row is None:
        raise Http404
    form = OverrideForm.of(row, request.POST)
    if not form.is_valid():
        return _page(request, agent_id, override=form)
    _set(request, agent_id, Change(capabilities=[{"name": capability, **form.as_change()}]))
    messages.success(request, f"{capability} of {agent_id} is scored by what you set.")
    return redirect("agent-page", agent_id)


def _set(request: HttpRequest, agent_id: str, wanted: Change) -> None:
    try:
        operating.change(agent_id, wanted, actor=actor_of(request, Door.UI))
    except (Agent.DoesNotExist, operating.NotOffered) as error:
        raise Http404 from error


def _word(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\0", "").strip()


def _template(request: HttpRequest, name: str) -> str:
    """Return the whole page, or its live part where a script asks for it again."""
    part = "_live" if request.headers.get("HX-Request") == "true" else ""
    return f"web/agents/{name}{part}.html"
