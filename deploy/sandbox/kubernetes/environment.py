"""The environment variables of a container, with ConfigMaps, Secrets and the pod's own fields resolved."""

import base64
from collections.abc import Mapping
from typing import Any

from deploy.sandbox.kubernetes.kinds import BY_NAME
from deploy.sandbox.kubernetes.objects import Objects

SOURCES = {"configMap": "ConfigMap", "secret": "Secret"}


class ConfigMissingError(Exception):
    """A container cannot be made, since what it refers to is not there; the message is the kubelet's."""


def variables(objects: Objects, pod: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the pod's first container. Raises ConfigMissingError."""
    container, namespace = pod["spec"]["containers"][0], pod["metadata"]["namespace"]
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        for word in SOURCES:
            reference = source.get(f"{word}Ref")
            if reference:
                data = _data(objects, word, namespace, reference)
                found |= {f"{source.get('prefix', '')}{key}": value for key, value in data.items()}
    for variable in container.get("env") or ():
        value = _value(objects, pod, variable)
        if value is not None:
            found[variable["name"]] = value
    return found


def _data(objects: Objects, word: str, namespace: str, reference: Mapping[str, Any]) -> dict[str, str]:
    content = objects.get(BY_NAME[SOURCES[word]], namespace, reference["name"])
    if content is None:
        if reference.get("optional"):
            return {}
        raise ConfigMissingError(f'{word.lower()} "{reference["name"]}" not found')
    plain = dict(content.get("stringData") or {})
    if word == "secret":
        return {key: base64.b64decode(text).decode() for key, text in (content.get("data") or {}).items()} | plain
    return dict(content.get("data") or {})


def _value(objects: Objects, pod: Mapping[str, Any], variable: Mapping[str, Any]) -> str | None:
    if "valueFrom" not in variable:
        return str(variable.get("value") or "")
    source, namespace = variable["valueFrom"], pod["metadata"]["namespace"]
    for word, kind in SOURCES.items():
        reference = source.get(f"{word}KeyRef")
        if reference:
            data = _data(objects, word, namespace, reference)
            if reference["key"] not in data and not reference.get("optional"):
                told = f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}"
                raise ConfigMissingError(told)
            return data.get(reference["key"])
    path = (source.get("fieldRef") or {}).get("fieldPath", "")
    content: Any = pod
    for name in path.split("."):
        content = content.get(name, "") if isinstance(content, Mapping) else ""
    return str(content)
