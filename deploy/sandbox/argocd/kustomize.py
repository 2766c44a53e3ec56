"""Kustomize as far as our manifests need: resources (files and folders), namespace, labels, images, configMapGenerator.

Any other field of a kustomization is refused, so that nothing is silently left out. Pure but for reading files.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
FILE_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
KNOWN = frozenset({"apiVersion", "kind", "metadata", "resources", "namespace", "labels", "images", "configMapGenerator",
                   "generatorOptions"})  # fmt: skip
CLUSTER_WIDE = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass", "PriorityClass", "Node",
     "IngressClass", "ClusterSecretStore", "CustomResourceDefinition"}
)  # fmt: skip


class RenderError(Exception):
    """The folder cannot be rendered; the message is for people."""


def render(root: Path, folder: str) -> list[Object]:
    """Return the objects of `folder` below `root`. Raises RenderError."""
    start = (root / folder).resolve()
    if not start.is_dir():
        raise RenderError(f"{folder}: app path does not exist")
    if not any((start / name).is_file() for name in FILE_NAMES):
        objects = [each for path in sorted(start.glob("*.y*ml")) for each in _documents(path)]
    else:
        objects = _folder(start, root.resolve(), ())
    seen = set()
    for each in objects:
        if identity(each) in seen:
            raise RenderError(f"may not add resource with an already registered id: {'/'.join(identity(each))}")
        seen.add(identity(each))
    return objects


def identity(content: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """Return what tells an object from all others: group, kind, namespace, name."""
    group = content["apiVersion"].rpartition("/")[0]
    metadata = content["metadata"]
    return group, content["kind"], metadata.get("namespace", ""), metadata["name"]


def _folder(folder: Path, root: Path, above: tuple[Path, ...]) -> list[Object]:
    if folder in above:
        raise RenderError(f"cycle detected: {folder.relative_to(root)} refers to itself")
    if not folder.is_relative_to(root):
        raise RenderError(f"{folder.name}: security; file is not in or below the repository")
    path = next((folder / name for name in FILE_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise RenderError(f"unable to find one of {', '.join(FILE_NAMES)} in {folder.relative_to(root)}")
    rules = _rules(path, root)
    objects: list[Object] = []
    for name in rules.get("resources") or ():
        target = (folder / name).resolve()
        if target.is_dir():
            objects += _folder(target, root, (*above, folder))
        elif target.is_file() and target.is_relative_to(root):
            objects += _documents(target)
        else:
            raise RenderError(f"accumulating resources from '{name}': {path.relative_to(root)}: no such file or folder")
    objects += [_config_map(each) for each in rules.get("configMapGenerator") or ()]
    for each in objects:
        _transform(each, rules)
    return objects


def _rules(path: Path, root: Path) -> Mapping[str, Any]:
    try:
        rules = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise RenderError(f"{path.relative_to(root)}: {error}") from error
    if not isinstance(rules, dict):
        raise RenderError(f"{path.relative_to(root)}: not a kustomization")
    unknown = sorted(set(rules) - KNOWN)
    if unknown:
        raise RenderError(f"{path.relative_to(root)}: not supported here: {', '.join(unknown)}")
    return rules


def _documents(path: Path) -> Iterator[Object]:
    try:
        documents = list(yaml.safe_load_all(path.read_text()))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RenderError(f"{path.name}: {error}") from error
    for each in documents:
        if each is None:
            continue
        if not isinstance(each, dict) or not each.get("kind") or not (each.get("metadata") or {}).get("name"):
            raise RenderError(f"{path.name}: missing metadata.name or kind in object")
        yield each


def _config_map(rules: Mapping[str, Any]) -> Object:
    data = dict(text.partition("=")[::2] for text in rules.get("literals") or ())
    metadata: Object = {"name": rules["name"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _transform(content: Object, rules: Mapping[str, Any]) -> None:
    if rules.get("namespace") and content["kind"] not in CLUSTER_WIDE:
        content["metadata"]["namespace"] = rules["namespace"]
    for labels in rules.get("labels") or ():
        content["metadata"]["labels"] = {**(content["metadata"].get("labels") or {}), **labels["pairs"]}
    for image in rules.get("images") or ():
        _set_image(content, image)


def _set_image(content: Any, image: Mapping[str, str]) -> None:  # noqa: ANN401 - any JSON
    if isinstance(content, list):
        for each in content:
            _set_image(each, image)
    elif isinstance(content, dict):
        for name, value in content.items():
            if name == "image" and isinstance(value, str) and value.partition("@")[0].rpartition(":")[0] in (
                image["name"], "",
            ) and value.split("@")[0].split(":")[0] == image["name"]:  # fmt: skip
                tail = f"@{image['digest']}" if "digest" in image else f":{image.get('newTag', 'latest')}"
                content[name] = image.get("newName", image["name"]) + tail
            else:
                _set_image(value, image)


def as_yaml(content: Object) -> str:
    """Return one object as a YAML document, with plain JSON types only."""
    return yaml.safe_dump(json.loads(json.dumps(content, default=str)), sort_keys=False)
