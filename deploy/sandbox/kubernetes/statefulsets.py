"""The controller of StatefulSets: it keeps the pods `NAME-0`, `NAME-1`, ... in line with them. It starts no process."""

import hashlib
import json
from typing import Any

from deploy.sandbox.kubernetes.deployments import owner_of
from deploy.sandbox.kubernetes.kinds import BY_NAME
from deploy.sandbox.kubernetes.kubelet import FAULT_ANNOTATION, write_event
from deploy.sandbox.kubernetes.objects import Object, Objects

SET, POD, ACCOUNT, CLAIM = (BY_NAME[n] for n in ("StatefulSet", "Pod", "ServiceAccount", "PersistentVolumeClaim"))
REVISION = "controller-revision-hash"


def reconcile(objects: Objects, told: set[str]) -> None:
    """Make, replace and remove pods, and write each set's status. `told` remembers what events said already."""
    sets = {each["metadata"]["uid"]: each for each in objects.every(SET)}
    for pod in objects.every(POD):
        owner = owner_of(pod, "StatefulSet")
        if owner and not _is_wanted(pod, sets.get(owner)):
            objects.delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
    for each in sets.values():
        for number in range(each["spec"].get("replicas", 1)):
            _ensure_pod(objects, each, number, told)
        _write_status(objects, each)


def revision_of(owner: Object) -> str:
    """Return the name of the template's revision."""
    text = json.dumps(owner["spec"]["template"], sort_keys=True)
    return f"{owner['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _is_wanted(pod: Object, owner: Object | None) -> bool:
    if owner is None or pod["metadata"]["labels"].get(REVISION) != revision_of(owner):
        return False
    return int(pod["metadata"]["name"].rpartition("-")[2]) < int(owner["spec"].get("replicas", 1))


def _ensure_pod(objects: Objects, owner: Object, number: int, told: set[str]) -> None:
    metadata, template = owner["metadata"], owner["spec"]["template"]
    namespace, name = metadata["namespace"], f"{metadata['name']}-{number}"
    if objects.get(POD, namespace, name) is not None:
        return
    account = template["spec"].get("serviceAccountName", "default")
    if objects.get(ACCOUNT, namespace, account) is None:
        if metadata["uid"] not in told:
            told.add(metadata["uid"])
            words = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            message = f'create Pod {name} in StatefulSet {metadata["name"]} failed error: pods "{name}" is forbidden: '
            write_event(
                objects, owner, reason="FailedCreate", message=message + words, kind="Warning",
                component="statefulset-controller",
            )  # fmt: skip
        return
    for claim in owner["spec"].get("volumeClaimTemplates") or ():
        _ensure_claim(objects, claim, namespace, f"{claim['metadata']['name']}-{name}")
    objects.create(POD, _pod(owner, name))


def _pod(owner: Object, name: str) -> Object:
    metadata, template = owner["metadata"], owner["spec"]["template"]
    own = template.get("metadata") or {}
    claims: list[dict[str, Any]] = [
        {"name": each["metadata"]["name"], "persistentVolumeClaim": {"claimName": f"{each['metadata']['name']}-{name}"}}
        for each in owner["spec"].get("volumeClaimTemplates") or ()
    ]
    annotations = dict(own.get("annotations") or {})
    if FAULT_ANNOTATION in (metadata.get("annotations") or {}):
        annotations[FAULT_ANNOTATION] = metadata["annotations"][FAULT_ANNOTATION]
    labels = {
        **(own.get("labels") or {}),
        REVISION: revision_of(owner),
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": name.rpartition("-")[2],
    }
    reference = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    spec = {
        "restartPolicy": "Always",
        "serviceAccountName": "default",
        **template["spec"],
        "hostname": name,
        "subdomain": owner["spec"].get("serviceName", ""),
        "volumes": [*(template["spec"].get("volumes") or ()), *claims],
    }
    content = {"name": name, "namespace": metadata["namespace"], "labels": labels, "ownerReferences": [reference]}
    if annotations:
        content["annotations"] = annotations
    return {"metadata": content, "spec": spec, "status": {"phase": "Pending"}}


def _ensure_claim(objects: Objects, template: Object, namespace: str, name: str) -> None:
    if objects.get(CLAIM, namespace, name) is None:
        content = {"metadata": {"name": name, "namespace": namespace}, "spec": template["spec"]}
        objects.create(CLAIM, {**content, "status": {"phase": "Bound"}})


def _write_status(objects: Objects, owner: Object) -> None:
    metadata = owner["metadata"]
    current = objects.get(SET, metadata["namespace"], metadata["name"])
    if current is None:
        return
    names = [f"{metadata['name']}-{number}" for number in range(current["spec"].get("replicas", 1))]
    pods = [pod for name in names if (pod := objects.get(POD, metadata["namespace"], name)) is not None]
    ready = sum(1 for pod in pods if _is_ready(pod))
    revision = revision_of(current)
    status = {
        "observedGeneration": current["metadata"]["generation"],
        "replicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "currentReplicas": len(pods),
        "updatedReplicas": len(pods),
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    objects.replace(SET, {**current, "status": status})


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
