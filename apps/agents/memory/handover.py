"""Shortening what one agent hands to another: by rules, by a model if that is not enough, else by cutting. Logged.

It never fails for want of a model.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import structlog
from django.db import DatabaseError, transaction

from apps.agents.llm.errors import CallFailed
from apps.agents.llm.prompts import Prompt
from apps.agents.llm.services import Llm
from apps.agents.memory import compression
from apps.agents.memory.compression import Handover, Rule
from apps.agents.memory.models import CompressionLog, Method
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import VendorError
from meshsix.integrations.litellm import Message, Speaker
from meshsix.kit import redact, tokens

_LONGEST_PROBLEM = 300
_GO_ON = Message(speaker=Speaker.USER, content="Write the shortened text.")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Compressed:
    """The shorter text and how it came about. `validation_errors` also has warnings, which begin so.

    `model` is the one that answered, also where its text could not be used; empty where none was asked or answered.
    """

    text: str
    method: str
    input_tokens: int
    output_tokens: int
    compression_ratio: float
    duration_ms: int
    validation_passed: bool
    validation_errors: tuple[str, ...]
    truncated: bool
    model: str


@dataclass(frozen=True, kw_only=True)
class _Made:
    text: str
    method: Method
    problems: tuple[str, ...] = ()
    truncated: bool = False
    model: str = ""
    prompt_version: str = ""


def compress(
    ask: Handover, llm: Llm, *, keep_texts: bool = False, clock: Callable[[], float] = time.monotonic
) -> Compressed:
    """Return the hand-over as text under its rule's ceiling; `ask` stays as it is.

    `keep_texts` writes what went in and came out into the log, redacted.
    """
    started = clock()
    made = _made(ask, compression.rule_for(ask.sender, ask.receiver), llm)
    given = json.dumps(asdict(ask), ensure_ascii=False, default=str)
    before, after = tokens.count(given), tokens.count(made.text)
    found = Compressed(
        text=made.text,
        method=made.method,
        input_tokens=before,
        output_tokens=after,
        compression_ratio=round(after / before, 4),
        duration_ms=int((clock() - started) * 1000),
        validation_passed=not made.problems,
        validation_errors=(*made.problems, *compression.warnings(made.text)),
        truncated=made.truncated,
        model=made.model,
    )
    _record(ask, found, made, llm, texts=(given, made.text) if keep_texts else None)
    return found


def _made(ask: Handover, rule: Rule, llm: Llm) -> _Made:
    first = compression.ruled(ask, rule)
    if tokens.count(first.text) <= rule.ceiling:
        return _Made(text=first.text, method=Method.PASSTHROUGH if first.complete else Method.DETERMINISTIC)
    prompt = llm.prompt("memory/compress")
    try:
        shorter, model = _by_model(ask, rule, first.text, prompt, llm)
    except (VendorError, CallFailed, Permanent) as error:
        _log.info("without a model", sender=ask.sender, receiver=ask.receiver, error=type(error).__name__)
        return _cut(first.text, rule, problems=(f"no answer of a model: {type(error).__name__}",))
    problems = compression.problems(shorter, source=first.text, ask=ask, ceiling=rule.ceiling)
    if problems:
        return _cut(first.text, rule, problems=problems, model=model, prompt_version=prompt.version)
    return _Made(text=shorter, method=Method.LLM, model=model, prompt_version=prompt.version)


def _by_model(ask: Handover, rule: Rule, text: str, prompt: Prompt, llm: Llm) -> tuple[str, str]:
    words = {"ceiling": str(min(rule.ceiling, prompt.max_tokens)), "receiver": ask.receiver, "text": text}
    system = Message(speaker=Speaker.SYSTEM, content=prompt.render(words))
    reply = llm.answer(prompt, (system, _GO_ON), purpose="compress")
    return reply.value.strip(), reply.models[0]


def _cut(text: str, rule: Rule, *, problems: tuple[str, ...], model: str = "", prompt_version: str = "") -> _Made:
    return _Made(
        text=compression.truncated(text, rule.ceiling),
        method=Method.DETERMINISTIC,
        problems=problems,
        truncated=True,
        model=model,
        prompt_version=prompt_version,
    )


def _record(ask: Handover, found: Compressed, made: _Made, llm: Llm, *, texts: tuple[str, str] | None) -> None:
    """Write the log's row; where the database will not, the work goes on."""
    row = CompressionLog(
        sender=ask.sender,
        receiver=ask.receiver,
        project_id=ask.project.lower(),
        task_id=llm.work.task_id,
        method=found.method,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        compression_ratio=found.compression_ratio,
        duration_ms=found.duration_ms,
        validation_passed=found.validation_passed,
        validation_errors=[each[:_LONGEST_PROBLEM] for each in found.validation_errors],
        truncated=found.truncated,
        llm_model=made.model,
        llm_prompt_version=made.prompt_version,
        input=redact.structure(json.loads(texts[0])) if texts else None,
        output=redact.text(texts[1]) if texts else "",
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except DatabaseError as error:
        _log.warning("compression not recorded", sender=ask.sender, error=type(error).__name__)
