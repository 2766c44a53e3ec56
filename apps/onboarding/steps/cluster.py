"""The environment in the cluster: the commit arrives there, the pod gets ready, and its runner says hello."""

from datetime import datetime

from django.conf import settings

from apps.onboarding import workplace
from apps.onboarding.catalog import problem
from apps.onboarding.environment.diagnosis import Diagnosis, chance_from, diagnose, no_pod
from apps.onboarding.words import ExecutionMode, PodHealthy, PodWanted, Synced, SyncWanted
from apps.projects import queries
from apps.projects.models import SHARED_HOST
from meshsix.durable.definition import StepFacts
from meshsix.durable.outcomes import Permanent, Skipped
from meshsix.integrations.argocd import Application, ArgoCD, Operation, OperationPhase
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.kit import clock, names, redact
from meshsix.wiring import Clients

_LOG_LINES = 50


def trigger_sync(wanted: SyncWanted, clients: Clients) -> Synced:
    """Have Argo CD bring the commit to the cluster, and follow it. No call where the cluster holds it already.

    Raises TryLater, which counts no attempt, while an operation goes on, and Permanent with Argo CD's own message where
    one ended badly.
    """
    if wanted.ask.execution_mode is not ExecutionMode.ENVBUILDER or wanted.update_kustomization is None:
        raise Skipped(f"In mode {wanted.ask.execution_mode} nothing is deployed.")
    commit = wanted.update_kustomization.commit_sha
    if clients.argocd is None:
        return Synced(commit_sha=commit, by="cluster", application="")
    name = settings.ARGOCD_APPLICATION
    application = clients.argocd.application(name)
    if not _holds(application, commit, clients):
        raise _followed(clients.argocd, application, commit, wanted.this)
    return Synced(commit_sha=commit, by="argocd", application=name)


def verify_pod_health(wanted: PodWanted, clients: Clients) -> PodHealthy:
    """Wait until the place where agents work answers, whatever the mode; holds no worker meanwhile."""
    match wanted.ask.execution_mode:
        case ExecutionMode.LOCAL:
            return _this_machine(wanted)
        case ExecutionMode.SHARED:
            return _shared_host(wanted)
        case ExecutionMode.ENVBUILDER:
            return _own_pod(wanted, clients)


def _holds(application: Application, commit: str, clients: Clients) -> bool:
    """Tell whether the cluster is at `commit` or past it: at a later commit of the branch that contains it."""
    operation = application.operation
    held = {application.revision} if application.synced else set()
    if operation is not None and operation.phase is OperationPhase.SUCCEEDED:
        held.update({operation.asked, operation.revision})
    held.discard("")
    return commit in held or any(_contains(revision, commit, clients) for revision in sorted(held))


def _contains(revision: str, commit: str, clients: Clients) -> bool:
    """Tell whether `commit`, which touched our manifests, is among the last ones that `revision` is made of."""
    repo = names.parse_repository(settings.MESH_SIX_REPO)
    try:
        touched = clients.github.contents.commits(repo, path=settings.MESH_SIX_K8S_ROOT, ref=revision, most=100)
    except Missing:
        return False
    return commit in {each.sha for each in touched}


def _followed(argocd: ArgoCD, application: Application, commit: str, this: StepFacts) -> TryLater | Permanent:
    """Take the sync one step further; return why the step is not done."""
    mark = f"{this.run_id} {this.first_started_at.isoformat()}"
    operation = application.operation
    if operation is not None and operation.phase.open:
        return _later(f"Argo CD is busy: {operation.phase} {operation.asked or operation.revision}".rstrip(), this)
    if operation is not None and operation.asked == commit and operation.mark == mark:
        return _failed(operation)
    if application.automated:
        return _followed_automated(argocd, application, commit, this)
    argocd.sync(application.name, revision=commit, mark=mark)
    return _later(f"Argo CD was asked to sync to {commit}.", this)


def _followed_automated(argocd: ArgoCD, application: Application, commit: str, this: StepFacts) -> TryLater | Permanent:
    """An application that syncs by itself refuses other revisions: it may only be told to look at its branch again."""
    operation, said = application.operation, ""
    if operation is not None:
        said = f" Its last operation: {operation.phase}: {operation.message}"
        ours = commit in {operation.asked, operation.revision}
        began = operation.started_at
        if ours and operation.phase.bad and began is not None and began >= this.first_started_at:
            return _failed(operation)
    argocd.application(application.name, refresh=True)
    return _later(f"Argo CD syncs by itself and is not at {commit} yet.{said}", this)


def _failed(operation: Operation) -> Permanent:
    return problem("onboard:sync:failed", f"{operation.phase}: {operation.message}")


def _later(seen: str, this: StepFacts) -> TryLater | Permanent:
    if clock.now() >= this.first_started_at + settings.SYNC_WAIT:
        return problem("onboard:sync:deadline", seen)
    return TryLater(seen, pause=settings.SYNC_POLL_INTERVAL, counts=False, vendor="argocd")


def _own_pod(wanted: PodWanted, clients: Clients) -> PodHealthy:
    """Wait for the pod to be ready and for the runner in that very pod to say hello."""
    cluster, env_name = clients.cluster, wanted.register_in_database.env_name
    since = wanted.this.first_started_at
    if cluster is None:
        raise problem("onboard:pod:no-cluster")
    name = f"{env_name}-0"
    try:
        pod = cluster.pod(name)
    except Missing:
        raise _not_yet(no_pod(name), since, cluster, name) from None
    said_hello_at = queries.said_hello_at(env_name, pod_uid=pod.uid)
    if pod.ready and not pod.leaving and said_hello_at is not None:
        return PodHealthy(name=name, instance_id=pod.uid, said_hello_at=said_hello_at.isoformat())
    raise _not_yet(diagnose(pod), chance_from(pod, since), cluster, name)


def _not_yet(diagnosis: Diagnosis, since: datetime, cluster: Kubernetes, pod: str) -> TryLater | Permanent:
    """Return the wait that people see, or POD_WAIT after `since` the failure with the container's last lines."""
    seen = redact.text(diagnosis.seen)
    if clock.now() < since + settings.POD_WAIT:
        return TryLater(seen, pause=settings.POD_POLL_INTERVAL, counts=False, vendor="kubernetes")
    log = _log(cluster, pod, diagnosis.container) if diagnosis.container else ""
    return problem(diagnosis.code, f"{seen}\n{redact.text(log)}".strip())


def _log(cluster: Kubernetes, pod: str, container: str) -> str:
    """Return the last lines of a container, of its run before where it has just been started again.

    A missing right to read logs costs the lines and nothing else.
    """
    for previous in (False, True):
        try:
            lines = cluster.log_tail(pod, container=container, lines=_LOG_LINES, previous=previous).strip()
        except (Refused, TryLater):
            continue
        if lines:
            return f"Last lines of {container}:\n{lines}"
    return ""


def _shared_host(wanted: PodWanted) -> PodHealthy:
    """Wait for a shared host: one serves all projects of this mode, so its hello is not for this project alone."""
    host = queries.shared_host(alive_since=clock.now() - settings.SHARED_HOST_SILENCE)
    if host is not None and host.said_hello_at is not None:
        return PodHealthy(name=SHARED_HOST, instance_id=host.instance_id, said_hello_at=host.said_hello_at.isoformat())
    if clock.now() < wanted.this.first_started_at + settings.POD_WAIT:
        seen = "No shared host has said hello lately."
        raise TryLater(seen, pause=settings.POD_POLL_INTERVAL, counts=False)
    raise problem("onboard:pod:no-shared-host")


def _this_machine(wanted: PodWanted) -> PodHealthy:
    """Prove that agents can work here: the folder takes files, and git works in it."""
    try:
        folder = workplace.prove(settings.WORK_ROOT, wanted.register_in_database.env_name)
    except workplace.NoWorkplace as error:
        raise problem(error.code, str(error)) from error
    return PodHealthy(name=str(folder), instance_id=workplace.host(), said_hello_at=clock.now().isoformat())
