"""The statements of taking and finishing a step: each a compare-and-set that tells by its row whether it won.

The run's row is locked before its steps', here as everywhere, so that no two transactions wait for each other.
"""

from typing import LiteralString

_LEASE: LiteralString = """
    SET state = %(running)s, attempt = taken.attempt + 1, lease_owner = %(owner)s,
        lease_until = %(now)s + taken.timeout + %(margin)s, started_at = COALESCE(taken.started_at, %(now)s),
        attempt_started_at = %(now)s, due_at = NULL, nudge_at = NULL, nudges = 0
"""
_LEASED: LiteralString = """
    RETURNING taken.id, taken.name, taken.phase, taken.attempt, taken.started_at, taken.lease_until, taken.answer_id
"""

TAKE: LiteralString = f"""
WITH run AS (
    SELECT id, workflow, state, phase, ask, definition_hash FROM durable_runs
    WHERE id = %(run_id)s AND state = ANY(%(open_runs)s) FOR NO KEY UPDATE
), taken AS (
    UPDATE durable_steps AS taken {_LEASE}
    FROM run
    WHERE taken.run_id = run.id AND taken.name = %(name)s AND taken.state = ANY(%(sources)s)
      AND (taken.due_at IS NULL OR taken.due_at <= %(now)s)
    {_LEASED}
)
SELECT taken.id, taken.name, taken.phase, taken.attempt, taken.started_at, taken.lease_until, answer.id, answer.name,
       answer.payload, answer.timed_out, run.id, run.workflow, run.state, run.phase, run.ask, run.definition_hash
FROM taken CROSS JOIN run LEFT JOIN durable_answers AS answer ON answer.id = taken.answer_id
"""  # noqa: S608 - made of constants

_RUN: LiteralString = "run AS (SELECT id, state, phase FROM durable_runs WHERE id = %(run_id)s FOR NO KEY UPDATE)"
_ENDED: LiteralString = """
    UPDATE durable_steps AS step
    SET state = %(state)s, attempt = %(attempt_after)s, output = %(output)s::jsonb, finished_at = %(finished_at)s,
        due_at = %(due_at)s, nudge_at = %(nudge_at)s, error_code = %(code)s, error_hint = %(hint)s,
        error_detail = %(detail)s, skip_reason = %(reason)s, lease_until = NULL, lease_owner = ''
"""
_ASKED: LiteralString = """
        , wait_name = %(wait_name)s, wait_since = %(now)s, wait_until = %(wait_until)s,
        wait_asked = %(wait_asked)s::jsonb, answer_id = NULL
"""
_FENCED: LiteralString = """
    FROM run
    WHERE step.id = %(step_id)s AND step.state = %(running)s AND step.attempt = %(attempt)s
      AND step.lease_owner = %(lease_owner)s
    RETURNING step.id
"""
_ATTEMPT: LiteralString = """attempt AS (
    INSERT INTO durable_attempts (step_id, number, owner, started_at, finished_at, result, error_code, error_hint,
                                  error_detail)
    SELECT step.id, %(attempt)s, %(lease_owner)s, %(since)s, %(now)s, %(result)s, %(code)s, %(hint)s, %(detail)s
    FROM step WHERE %(counts)s
)"""

FINISH: LiteralString = f"""
WITH {_RUN}, step AS ({_ENDED} {_FENCED}), {_ATTEMPT}
SELECT run.state, run.phase FROM run CROSS JOIN step
"""  # noqa: S608 - made of constants
FINISH_ASKING: LiteralString = f"""
WITH {_RUN}, step AS ({_ENDED} {_ASKED} {_FENCED}), {_ATTEMPT}
SELECT run.state, run.phase FROM run CROSS JOIN step
"""  # noqa: S608 - made of constants
FINISH_AND_TAKE: LiteralString = f"""
WITH {_RUN}, step AS ({_ENDED} {_FENCED}), {_ATTEMPT}, taken AS (
    UPDATE durable_steps AS taken {_LEASE}
    FROM run CROSS JOIN step
    WHERE taken.run_id = run.id AND taken.name = %(name)s AND taken.state = %(pending)s
      AND run.state = ANY(%(open_runs)s)
    {_LEASED}
)
SELECT run.state, run.phase, taken.id, taken.name, taken.phase, taken.attempt, taken.started_at, taken.lease_until
FROM run CROSS JOIN step LEFT JOIN taken ON true
"""  # noqa: S608 - made of constants
