"""What the API server refuses beyond the schema: names, labels, selectors, mounts, changed claim templates. Pure."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from deploy.sandbox.kubernetes.kinds import Kind
from deploy.sandbox.kubernetes.problems import Cause

LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
LABEL_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
DNS_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
DNS_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
DNS_1035 = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
RBAC_KINDS = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})
STATEFULSET_CHANGEABLE = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
)
_SUFFIXES = {"": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_QUANTITY = re.compile(r"(?P<number>[+-]?\d+(?:\.\d+)?)(?:(?P<binary>[KMGTPE])i|(?P<decimal>[kMGTPE])|(?P<milli>m))?")


def quantity(text: object) -> Decimal | None:
    """Return a quantity (`500m`, `2Gi`) as a number, or None if it is not one."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None:
        return None
    number = Decimal(found["number"])
    if found["milli"]:
        return number / 1000
    if found["binary"]:
        return number * Decimal(1024) ** _SUFFIXES[found["binary"].replace("K", "k")]
    return number * Decimal(1000) ** _SUFFIXES[found["decimal"] or ""]


def causes(kind: Kind, content: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Cause]:
    """Return all that is wrong with an object that is to take the place of `before`."""
    found = [*_metadata(kind, content["metadata"])]
    template = _template(kind, content)
    if template is not None:
        where, pod = template
        claims = {each["metadata"]["name"] for each in content["spec"].get("volumeClaimTemplates") or ()}
        found += _pod(where, pod.get("spec") or {}, claims)
        found += _labels(where.removesuffix(".spec") + ".metadata.labels", (pod.get("metadata") or {}).get("labels"))
        found += _selector(kind, content)
    if kind.name == "StatefulSet" and before is not None:
        found += _statefulset_change(content.get("spec", {}), before.get("spec", {}))
    return found


def _metadata(kind: Kind, metadata: Mapping[str, Any]) -> Iterator[Cause]:
    name = metadata["name"]
    if kind.name in RBAC_KINDS:
        good, told = bool(name) and "/" not in name and "%" not in name, "may not contain '/' or '%'"
    elif kind.name == "Service":
        good, told = bool(DNS_1035.fullmatch(name)), "a DNS-1035 label must start with a letter, at most 63 characters"
    elif kind.name == "Namespace":
        good, told = bool(DNS_LABEL.fullmatch(name)), "a lowercase RFC 1123 label has at most 63 characters"
    else:
        good = bool(DNS_SUBDOMAIN.fullmatch(name))
        told = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
            "and must start and end with an alphanumeric character"
        )
    if not good:
        yield Cause("metadata.name", f'Invalid value: "{name}": {told}')
    yield from _labels("metadata.labels", metadata.get("labels"))
    for key in metadata.get("annotations") or {}:
        if not _qualified(key.lower()):
            yield Cause("metadata.annotations", f'Invalid value: "{key}": name part must consist of alphanumerics')


def _qualified(key: str) -> bool:
    prefix, slash, name = key.rpartition("/")
    return bool(LABEL_NAME.fullmatch(name)) and (not slash or bool(DNS_SUBDOMAIN.fullmatch(prefix)))


def _labels(where: str, labels: Mapping[str, str] | None) -> Iterator[Cause]:
    for key, value in (labels or {}).items():
        if not _qualified(key):
            yield Cause(where, f'Invalid value: "{key}": name part must consist of alphanumeric characters')
        if not LABEL_VALUE.fullmatch(str(value)):
            told = "a valid label must be an empty string or consist of at most 63 alphanumerics, '-', '_' or '.'"
            yield Cause(where, f'Invalid value: "{value}": {told}')


def _template(kind: Kind, content: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    spec = content.get("spec") or {}
    if kind.name == "Pod":
        return "spec", content
    if kind.name == "CronJob":
        return "spec.jobTemplate.spec.template.spec", spec["jobTemplate"]["spec"]["template"]
    return ("spec.template.spec", spec["template"]) if kind.group in ("apps", "batch") and "template" in spec else None


def _selector(kind: Kind, content: Mapping[str, Any]) -> Iterator[Cause]:
    wanted = (content.get("spec", {}).get("selector") or {}).get("matchLabels")
    if kind.group != "apps" or wanted is None:
        return
    labels = (content["spec"]["template"].get("metadata") or {}).get("labels") or {}
    if not wanted.items() <= labels.items():
        told = "`selector` does not match template `labels`"
        yield Cause("spec.template.metadata.labels", f"Invalid value: {labels}: {told}")


def _pod(where: str, spec: Mapping[str, Any], claims: set[str]) -> Iterator[Cause]:
    volumes = claims | {each["name"] for each in spec.get("volumes") or ()}
    seen: set[str] = set()
    for group in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(group) or ()):
            place, name = f"{where}.{group}[{number}]", container["name"]
            if not DNS_LABEL.fullmatch(name):
                yield Cause(f"{place}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label')
            if name in seen:
                yield Cause(f"{place}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
            seen.add(name)
            if not container.get("image"):
                yield Cause(f"{place}.image", "Required value", "FieldValueRequired")
            yield from _mounts(place, container, volumes)
            yield from _resources(f"{place}.resources", container.get("resources") or {})


def _mounts(place: str, container: Mapping[str, Any], volumes: set[str]) -> Iterator[Cause]:
    for number, mount in enumerate(container.get("volumeMounts") or ()):
        if mount["name"] not in volumes:
            yield Cause(f"{place}.volumeMounts[{number}].name", f'Not found: "{mount["name"]}"', "FieldValueNotFound")


def _resources(place: str, resources: Mapping[str, Any]) -> Iterator[Cause]:
    limits = resources.get("limits") or {}
    for group in ("requests", "limits"):
        for name, text in (resources.get(group) or {}).items():
            if quantity(text) is None:
                yield Cause(f"{place}.{group}.{name}", f'Invalid value: "{text}": quantities must match a number')
    for name, text in (resources.get("requests") or {}).items():
        asked, limit = quantity(text), quantity(limits.get(name, ""))
        if asked is not None and limit is not None and asked > limit:
            told = f"must be less than or equal to {name} limit of {limits[name]}"
            yield Cause(f"{place}.requests", f'Invalid value: "{text}": {told}')


def _statefulset_change(spec: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Cause]:
    fixed = {name for name in {*spec, *before} if name not in STATEFULSET_CHANGEABLE}
    if any(spec.get(name) != before.get(name) for name in fixed):
        named = "', '".join(sorted(STATEFULSET_CHANGEABLE))
        told = f"Forbidden: updates to statefulset spec for fields other than '{named}' are forbidden"
        yield Cause("spec", told, "FieldValueForbidden")
