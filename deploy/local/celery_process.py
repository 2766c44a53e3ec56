"""One Celery process of the stack: `python -m deploy.local.celery_process worker worker-1`, or `... beat FILE`.

A process of its own, so that the launcher needs neither Django nor Celery; the options are the platform's.
"""

import sys

from meshsix.celery import BEAT_OPTIONS, WORKER_OPTIONS, app


def main(kind: str, name: str) -> None:
    """Become a worker with this name, or a beat with this schedule file."""
    if kind == "worker":
        app.worker_main(["worker", *WORKER_OPTIONS, f"--hostname={name}@%h", "--loglevel=INFO"])
    else:
        app.start(["beat", *BEAT_OPTIONS, f"--schedule={name}", "--pidfile=", "--loglevel=INFO"])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
