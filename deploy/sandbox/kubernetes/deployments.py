"""The controllers of Deployments and ReplicaSets: a ReplicaSet for each template, and its pods. They start no process.

A new ReplicaSet has all its pods at once; the ones before it are scaled down when these are ready, and are kept for a
way back. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.sandbox.kubernetes.kinds import BY_NAME, Kind
from deploy.sandbox.kubernetes.kubelet import write_event
from deploy.sandbox.kubernetes.objects import Object, Objects, now_text

DEPLOYMENT, REPLICA_SET, POD, ACCOUNT = (BY_NAME[n] for n in ("Deployment", "ReplicaSet", "Pod", "ServiceAccount"))
HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
DEADLINE_SECONDS, KEPT_SETS = 600, 10


def reconcile(objects: Objects, told: set[str]) -> None:
    """Make, scale and remove ReplicaSets and their pods, and write status. `told` has what events said already."""
    deployments = _by_uid(objects, DEPLOYMENT)
    for each in objects.every(REPLICA_SET):
        _leave_with_owner(objects, REPLICA_SET, each, "Deployment", deployments)
    for deployment in deployments.values():
        _roll(objects, deployment)
    sets = _by_uid(objects, REPLICA_SET)
    for pod in objects.every(POD):
        _leave_with_owner(objects, POD, pod, "ReplicaSet", sets)
    for each in sets.values():
        _scale(objects, each, told)
        _write_set_status(objects, each)
    for deployment in deployments.values():
        _write_status(objects, deployment)


def _by_uid(objects: Objects, kind: Kind) -> dict[str, Object]:
    return {each["metadata"]["uid"]: each for each in objects.every(kind)}


def owner_of(content: Object, kind: str) -> str:
    """Return the uid of the owner of this kind, empty where there is none."""
    references = content["metadata"].get("ownerReferences") or ()
    return next((str(each["uid"]) for each in references if each["kind"] == kind), "")


def _leave_with_owner(objects: Objects, kind: Kind, content: Object, owner: str, present: Mapping[str, Object]) -> None:
    uid = owner_of(content, owner)
    if uid and uid not in present:
        objects.delete(kind, content["metadata"]["namespace"], content["metadata"]["name"])


def _sets_of(objects: Objects, deployment: Object) -> list[Object]:
    found = objects.every(REPLICA_SET, deployment["metadata"]["namespace"])
    return [each for each in found if owner_of(each, "Deployment") == deployment["metadata"]["uid"]]


def _pods_of(objects: Objects, replica_set: Object) -> list[Object]:
    found = objects.every(POD, replica_set["metadata"]["namespace"])
    return [each for each in found if owner_of(each, "ReplicaSet") == replica_set["metadata"]["uid"]]


def _wanted(content: Object) -> int:
    return int(content["spec"].get("replicas", 1))


def _set_name(deployment: Object) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return f"{deployment['metadata']['name']}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _revision(content: Object) -> int:
    return int((content["metadata"].get("annotations") or {}).get(REVISION, 0))


def _roll(objects: Objects, deployment: Object) -> None:
    """Have the present template's ReplicaSet, and scale the others down once its pods are ready."""
    sets, name = _sets_of(objects, deployment), _set_name(deployment)
    present = next((each for each in sets if each["metadata"]["name"] == name), None)
    newest = max((_revision(each) for each in sets), default=0)
    if present is None:
        present = objects.create(REPLICA_SET, _replica_set(deployment, name, newest + 1))
        newest += 1
    elif _revision(present) < newest:  # the way back to an earlier template is a new revision
        newest += 1
    present = _changed(objects, REPLICA_SET, present, revision=newest, replicas=_wanted(deployment))
    _changed(objects, DEPLOYMENT, deployment, revision=newest)
    old = sorted((each for each in sets if each["metadata"]["name"] != name), key=_revision, reverse=True)
    if len(_ready(_pods_of(objects, present))) >= _wanted(deployment):
        for each in old:
            _changed(objects, REPLICA_SET, each, replicas=0)
    for each in old[int(deployment["spec"].get("revisionHistoryLimit", KEPT_SETS)) :]:
        objects.delete(REPLICA_SET, each["metadata"]["namespace"], each["metadata"]["name"])


def _changed(objects: Objects, kind: Kind, content: Object, *, revision: int = 0, replicas: int = -1) -> Object:
    """Write the revision and number of replicas where they differ."""
    current = objects.get(kind, content["metadata"]["namespace"], content["metadata"]["name"])
    if current is None:
        return content
    if revision:
        annotations = {**(current["metadata"].get("annotations") or {}), REVISION: str(revision)}
        current["metadata"]["annotations"] = annotations
    if replicas >= 0:
        current = {**current, "spec": {**current["spec"], "replicas": replicas}}
    return objects.replace(kind, current)


def _replica_set(deployment: Object, name: str, revision: int) -> Object:
    metadata, spec = deployment["metadata"], deployment["spec"]
    extra = {HASH: name.rpartition("-")[2]}
    template = json.loads(json.dumps(spec["template"]))
    template.setdefault("metadata", {})["labels"] = {**(template["metadata"].get("labels") or {}), **extra}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), **extra}}
    return {
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": {REVISION: str(revision)},
            "ownerReferences": [_reference(deployment, "Deployment")],
        },
        "spec": {"replicas": _wanted(deployment), "selector": selector, "template": template},
        "status": {"replicas": 0},
    }


def _reference(owner: Object, kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _scale(objects: Objects, replica_set: Object, told: set[str]) -> None:
    pods = sorted(_pods_of(objects, replica_set), key=lambda pod: (not _is_ready(pod), pod["metadata"]["name"]))
    for pod in pods[_wanted(replica_set) :]:
        objects.delete(POD, pod["metadata"]["namespace"], pod["metadata"]["name"])
    for _ in range(_wanted(replica_set) - len(pods)):
        _make_pod(objects, replica_set, told)


def _make_pod(objects: Objects, replica_set: Object, told: set[str]) -> None:
    metadata, template = replica_set["metadata"], replica_set["spec"]["template"]
    namespace, account = metadata["namespace"], template["spec"].get("serviceAccountName", "default")
    if objects.get(ACCOUNT, namespace, account) is None:
        if metadata["uid"] not in told:
            told.add(metadata["uid"])
            words = f'error looking up service account {namespace}/{account}: serviceaccount "{account}" not found'
            write_event(
                objects, replica_set, reason="FailedCreate", kind="Warning", component="replicaset-controller",
                message=f'Error creating: pods "{metadata["name"]}-" is forbidden: {words}',
            )  # fmt: skip
        return
    own: Object = template.get("metadata") or {}
    content: Object = {
        "name": f"{metadata['name']}-{uuid.uuid4().hex[:5]}",
        "namespace": namespace,
        "labels": dict(own.get("labels") or {}),
        "ownerReferences": [_reference(replica_set, "ReplicaSet")],
    }
    if own.get("annotations"):
        content["annotations"] = dict(own["annotations"])
    spec = {"restartPolicy": "Always", "serviceAccountName": "default", **template["spec"]}
    objects.create(POD, {"metadata": content, "spec": spec, "status": {"phase": "Pending"}})


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _ready(pods: list[Object]) -> list[Object]:
    return [pod for pod in pods if _is_ready(pod)]


def _write_set_status(objects: Objects, replica_set: Object) -> None:
    metadata, pods = replica_set["metadata"], _pods_of(objects, replica_set)
    current = objects.get(REPLICA_SET, metadata["namespace"], metadata["name"])
    if current is None:
        return
    ready = len(_ready(pods))
    status = {
        "observedGeneration": current["metadata"]["generation"],
        "replicas": len(pods),
        "fullyLabeledReplicas": len(pods),
        "readyReplicas": ready,
        "availableReplicas": ready,
    }
    objects.replace(REPLICA_SET, {**current, "status": status})


def _write_status(objects: Objects, deployment: Object) -> None:
    metadata = deployment["metadata"]
    current = objects.get(DEPLOYMENT, metadata["namespace"], metadata["name"])
    if current is None:
        return
    pods = {each["metadata"]["name"]: _pods_of(objects, each) for each in _sets_of(objects, current)}
    new, every = pods.get(_set_name(current), []), [pod for each in pods.values() for pod in each]
    ready, wanted = len(_ready(every)), _wanted(current)
    status = {
        "observedGeneration": current["metadata"]["generation"],
        "replicas": len(every),
        "updatedReplicas": len(new),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, wanted - ready),
    }
    done = len(_ready(new)) >= wanted and len(every) == len(new)
    told = [_available(current, good=ready >= wanted), _progressing(current, status, done=done)]
    objects.replace(DEPLOYMENT, {**current, "status": {**status, "conditions": told}})


def _available(deployment: Object, *, good: bool) -> Object:
    reason = "MinimumReplicasAvailable" if good else "MinimumReplicasUnavailable"
    told = f"Deployment {'has' if good else 'does not have'} minimum availability."
    return _condition(deployment, "Available", good=good, reason=reason, message=told, moved=False)


def _progressing(deployment: Object, status: Object, *, done: bool) -> Object:
    """Return whether it goes on: it does not where nothing moved for longer than its deadline."""
    before, name = deployment.get("status") or {}, _set_name(deployment)
    if done:
        told = f'ReplicaSet "{name}" has successfully progressed.'
        return _condition(
            deployment, "Progressing", good=True, reason="NewReplicaSetAvailable", message=told, moved=False
        )
    moved = any(before.get(key) != status[key] for key in status)
    old = _old_condition(deployment, "Progressing")
    limit = timedelta(seconds=int(deployment["spec"].get("progressDeadlineSeconds", DEADLINE_SECONDS)))
    since = datetime.fromisoformat(old["lastUpdateTime"]) if old else datetime.now(UTC)
    late = old.get("reason") == "ProgressDeadlineExceeded" or datetime.now(UTC) - since > limit
    if not moved and late and old.get("reason") != "NewReplicaSetAvailable":
        told = f'ReplicaSet "{name}" has timed out progressing.'
        return _condition(
            deployment, "Progressing", good=False, reason="ProgressDeadlineExceeded", message=told, moved=False
        )
    told = f'ReplicaSet "{name}" is progressing.'
    return _condition(deployment, "Progressing", good=True, reason="ReplicaSetUpdated", message=told, moved=moved)


def _old_condition(deployment: Object, kind: str) -> Object:
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), {})


def _condition(deployment: Object, kind: str, *, good: bool, reason: str, message: str, moved: bool) -> Object:
    old, value = _old_condition(deployment, kind), "True" if good else "False"
    same, now = old.get("status") == value, now_text()
    return {
        "type": kind,
        "status": value,
        "reason": reason,
        "message": message,
        "lastTransitionTime": old["lastTransitionTime"] if same else now,
        "lastUpdateTime": now if moved or not same or old.get("reason") != reason else old["lastUpdateTime"],
    }
