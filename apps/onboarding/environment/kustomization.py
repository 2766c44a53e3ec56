"""The base kustomization that lists all environments: others edit it too, so their comments and order stay."""

import posixpath

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.tokens import CommentToken

from apps.onboarding.environment import yaml_text

FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names under which kustomize looks for one, in its order."""


class NoKustomization(Exception):  # noqa: N818 - reads as a word of the domain
    """The text is no kustomization; the message says why."""


def with_resource(text: str, resource: str) -> str:
    """Return the kustomization `text` with `resource` in its list; unchanged where it stands there already.

    Raises NoKustomization.
    """
    content = _parsed(text)
    resources = content.get("resources")
    if resources is None:
        resources = content["resources"] = CommentedSeq()
    if not isinstance(resources, CommentedSeq):
        raise NoKustomization("Its `resources` is not a list.")
    if resource in {posixpath.normpath(str(each)) for each in resources}:
        return text
    dash_column = _dash_column(resources)
    resources.append(resource)
    _keep_what_follows_below(resources)
    return yaml_text.text_of(content, yaml_text.writer(dash_column=dash_column))


def _parsed(text: str) -> CommentedMap:
    try:
        content = yaml_text.load(text)
    except YAMLError as error:
        raise NoKustomization(f"It is not valid YAML: {error}") from error
    if not isinstance(content, CommentedMap):
        raise NoKustomization("It is not a mapping.")
    if content.get("kind", "Kustomization") != "Kustomization":
        raise NoKustomization(f"Its kind is {content['kind']}.")
    return content


def _dash_column(resources: CommentedSeq) -> int:
    """Return how far the list's dashes are moved in, so that no line changes but the new one."""
    if not resources or resources.fa.flow_style():
        return 0
    return max(0, int(resources.lc.item(0)[1]) - 2)


def _keep_what_follows_below(resources: CommentedSeq) -> None:
    """Move empty lines and comments between the list and the next key below the new last entry.

    ruamel.yaml keeps them with the entry before; that entry's own comment, on its line, stays with it.
    """
    last = len(resources) - 1
    kept = resources.ca.items.get(last - 1)
    if not kept or kept[0] is None:
        return
    own, newline, below = kept[0].value.partition("\n")
    if below:
        kept[0].value = own + newline
        resources.ca.items[last] = [CommentToken(newline + below, CommentMark(0), None), None, None, None]
