"""Structured logs: one event a line, with fields; secrets are masked before anything is written."""

import logging
import sys
from collections.abc import Mapping, MutableMapping

import structlog

from meshsix.kit import redact

Event = MutableMapping[str, object]
# Celery's two lines a message, which LOG_LEVEL=DEBUG brings back: what was done is told by whoever did it.
_CELERY = ("celery.worker.strategy", "celery.app.trace")
_NOISY = ("httpx", "httpcore", "urllib3", "botocore", "kombu", "uvicorn.access", "github.Requester")


def _without_secrets(_logger: object, _method: str, event: Event) -> Event:
    return {key: redact.structure({key: value})[key] for key, value in event.items()}  # type: ignore[index] # a dict in gives a dict out


def configure(settings: Mapping[str, str]) -> None:
    """Send all logs, ours and those of libraries, through structlog to stderr.

    Django calls it with the setting LOGGING: `level`, and `form` (`console` or `json`).
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _without_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings["form"] == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings["level"])
    for noisy in _NOISY if root.isEnabledFor(logging.DEBUG) else (*_NOISY, *_CELERY):
        logging.getLogger(noisy).setLevel(logging.WARNING)
