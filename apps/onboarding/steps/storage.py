"""The step that makes the project's place in the object storage and names its queue."""

import json

from apps.onboarding.words import Backend, BackendWanted
from meshsix.integrations.errors import Missing
from meshsix.kit import names
from meshsix.wiring import Clients

MARKER = ".mesh-six.json"


def provision_backend(wanted: BackendWanted, clients: Clients) -> Backend:
    """Make sure of the bucket and of a marker under the project's prefix, and name the environment's queue.

    Queues need no making: the broker makes one when the first message or worker names it. The event log's partitions
    have a schedule and a default partition of their own.
    """
    repository = wanted.validate_repo.repository
    prefix = names.storage_prefix(repository)
    storage = clients.storage
    if not storage.has_bucket():
        storage.create_bucket()
    marker = json.dumps({"project": repository.full_name, "env_name": names.env_name(repository)}).encode()
    key = f"{prefix}{MARKER}"
    try:
        present = storage.get(key)
    except Missing:
        present = b""
    if present != marker:
        storage.put(key, marker, content_type="application/json")
    return Backend(bucket=storage.bucket, prefix=prefix, queue=names.queue(repository), created=not present)
