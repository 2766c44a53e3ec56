"""What an onboarding made, as links for people. Pure: reads the outputs of the steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Link:
    """A thing that the run made or adopted. `url` is empty where it has no page."""

    kind: str
    title: str
    url: str


def links(outputs: Mapping[str, Mapping[str, Any]]) -> tuple[Link, ...]:
    """Return the links in the order in which the steps make them; `outputs` by step name."""
    made = [
        _link(outputs, "validate_repo", "repository", "Repository", "html_url"),
        _link(outputs, "create_project_board", "board", "Board", "url"),
        _link(outputs, "register_webhook", "hook", "Webhook settings", "settings_url"),
        _link(outputs, "scaffold_devcontainer", "devcontainer", "Devcontainer", "url"),
        _link(outputs, "generate_kube_manifests", "commit", "Manifests", "url"),
        _link(outputs, "update_kustomization", "commit", "Kustomization", "url"),
        _named(outputs, "verify_pod_health", "pod", "Environment", "name"),
        _named(outputs, "configure_litellm", "team", "Model team", "team_id"),
    ]
    return tuple(link for link in made if link is not None)


def _link(outputs: Mapping[str, Mapping[str, Any]], step: str, kind: str, title: str, field: str) -> Link | None:
    url = (outputs.get(step) or {}).get(field)
    return Link(kind=kind, title=title, url=url) if url else None


def _named(outputs: Mapping[str, Mapping[str, Any]], step: str, kind: str, title: str, field: str) -> Link | None:
    name = (outputs.get(step) or {}).get(field)
    return Link(kind=kind, title=f"{title} {name}", url="") if name else None
