"""The page on which a person asks for a task."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.agents.registry.asking import AskForm, taken
from apps.agents.registry.queries import records
from apps.agents.registry.services import submission
from meshsix.kit.actor import Door
from meshsix.web.actors import actor_of
from meshsix.web.pages import needs_role
from meshsix.web.roles import Role


@require_http_methods(["GET", "HEAD", "POST"])
@needs_role(Role.OPERATOR)
def task_new(request: HttpRequest) -> HttpResponse:
    """Show what can be asked for and, of the one that the address names, the form; on POST ask for it."""
    capability = request.GET.get("capability", "").replace("\0", "").strip()
    schema = taken(capability)
    if schema is None:
        return render(request, "web/tasks/new.html", _context(capability))
    form = AskForm(request.POST) if request.method == "POST" else AskForm.of(capability, request.GET.get("project", ""))
    if form.is_bound and form.is_valid() and form.check_project(request.user):
        try:
            made = submission.submit(form.request_for(capability), actor=actor_of(request, Door.UI))
        except submission.Invalid as error:
            form.refuse(error.faults)
        except submission.KeyReused:
            form.renew()
        else:
            return redirect("task-page", made.task.task_id)
    context = _context(capability) | {"form": form, "schema": json.dumps(schema, indent=2, ensure_ascii=False)}
    return render(request, "web/tasks/new.html", context)


def _context(capability: str) -> dict[str, object]:
    return {"capability": capability, "capabilities": records.capability_names()}
