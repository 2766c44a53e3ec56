"""The page on which a person asks for a task."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.agents.registry.forms import AskForm
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import records
from apps.agents.registry.services import submission
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role

_AGAIN = "This form made this task before. Open it anew to ask for the same once more."


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(Role.OPERATOR)
def task_new(request: HttpRequest) -> HttpResponse:
    """Show what can be asked for and, of the one that the address names, the form; on POST ask for it.

    What nobody offers any more can still be asked for: the task waits.
    """
    capability = request.GET.get("capability", "").replace("\0", "").strip()
    schema = agent_queries.input_schema(capability)
    if request.method == "POST":
        form = AskForm(request.POST)
        made = _asked(request, form, capability)
        if made is not None:
            if not made.is_new:
                messages.info(request, _AGAIN)
            return redirect("task-page", made.task.task_id)
        form.hide_secrets()
        return _page(request, capability, form=form, schema=schema or {}, status=422)
    if schema is None:
        return _page(request, capability)
    return _page(request, capability, form=AskForm.of(schema, request.GET.get("project", "")), schema=schema)


def _asked(request: HttpRequest, form: AskForm, capability: str) -> submission.Submitted | None:
    """Ask for it; None where it cannot be asked for, which the form then says."""
    if form.is_valid() and form.check_project(request.user):
        try:
            return submission.submit(form.request_for(capability), actor=actor_of(request, Door.UI))
        except submission.Invalid as error:
            form.refuse(error.faults)
        except submission.KeyReused:
            form.renew()
    return None


def _page(
    request: HttpRequest, capability: str, *, form: AskForm | None = None, schema: object = None, status: int = 200
) -> HttpResponse:
    context = {
        "capability": capability,
        "capabilities": records.capability_names(),
        "form": form,
        "schema": json.dumps(schema, indent=2, ensure_ascii=False),
    }
    return render(request, "web/tasks/new.html", context, status=status)
