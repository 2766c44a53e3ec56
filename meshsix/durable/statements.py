"""The statements of creating a run, taking a step and finishing it. Each tells by its rows whether it won.

The run's row is locked before its steps', here as everywhere, so that no two transactions wait for each other. States
stand here as words, which costs less than to send them each time; a test holds them against states.py.
"""

from typing import LiteralString

OPEN: LiteralString = "('pending', 'running', 'waiting')"

STATES: LiteralString = "SELECT name, state FROM durable_steps WHERE run_id = %(run_id)s"

# No row comes back where the key has an unfinished run: the partial unique index decides, and no step is made. What the
# caller writes with it stands before it as parts of the same statement, the events behind it.
CREATE: LiteralString = """
written AS (
    INSERT INTO durable_runs (id, workflow, key, state, ask, definition_hash, definition, phase, actor, created_at,
                              error_code, error_hint)
    VALUES (%(id)s, %(workflow)s, %(key)s, %(state)s, %(ask)s::jsonb, %(definition_hash)s, %(definition)s::jsonb,
            %(phase)s, %(actor)s::jsonb, %(now)s, '', '')
    ON CONFLICT DO NOTHING RETURNING id
), steps AS (
INSERT INTO durable_steps (run_id, name, phase, position, state, needs, attempt, max_attempts, timeout, nudge_at,
                           nudges, lease_owner, error_code, error_hint, error_detail, wait_name, wait_asked,
                           skip_reason)
SELECT written.id, step.name, step.phase, step.position - 1,
       CASE WHEN step.name = ANY(%(first)s) THEN 'ready' ELSE 'pending' END, step.needs, 0, step.attempts,
       make_interval(secs => step.timeout_seconds),
       CASE WHEN step.name = ANY(%(first)s) THEN %(nudge_at)s::timestamptz END, 0, '', '', '', '', '', '{}', ''
FROM written, ROWS FROM (
    jsonb_to_recordset(%(definition)s::jsonb -> 'steps')
    AS (name text, phase text, needs text[], attempts int, timeout_seconds double precision)
) WITH ORDINALITY AS step(name, phase, needs, attempts, timeout_seconds, position)
)
"""

_LEASE: LiteralString = """
    SET state = 'running', attempt = taken.attempt + 1, lease_owner = %(owner)s,
        lease_until = %(now)s + taken.timeout + %(margin)s, started_at = COALESCE(taken.started_at, %(now)s),
        attempt_started_at = %(now)s, due_at = NULL, nudge_at = NULL, nudges = 0
"""
_LEASED: LiteralString = """
    RETURNING taken.id, taken.name, taken.phase, taken.attempt, taken.started_at, taken.lease_until, taken.answer_id
"""

_TAKE: LiteralString = f"""
WITH run AS (
    SELECT id, workflow, state, phase, ask, definition_hash FROM durable_runs
    WHERE id = %(run_id)s AND state IN {OPEN} FOR NO KEY UPDATE
), taken AS (
    UPDATE durable_steps AS taken {_LEASE}
    FROM run
    WHERE taken.run_id = run.id AND taken.name = %(name)s AND taken.state = ANY(%(sources)s)
      AND (taken.due_at IS NULL OR taken.due_at <= %(now)s)
    {_LEASED}
), started AS (
    UPDATE durable_runs AS started
    SET state = CASE started.state WHEN 'pending' THEN 'running' ELSE started.state END,
        started_at = COALESCE(started.started_at, %(now)s), phase = taken.phase
    FROM taken
    WHERE started.id = %(run_id)s AND (started.state = 'pending' OR started.phase <> taken.phase)
)"""  # noqa: S608 - made of constants
_TAKEN: LiteralString = """
SELECT taken.id, taken.name, taken.phase, taken.attempt, taken.started_at, taken.lease_until, answer.id, answer.name,
       answer.payload, answer.timed_out, run.id, run.workflow, run.state, run.phase, run.ask, run.definition_hash
"""
_TAKEN_FROM: LiteralString = """
FROM taken CROSS JOIN run LEFT JOIN durable_answers AS answer ON answer.id = taken.answer_id
"""
TAKE: LiteralString = _TAKE + _TAKEN + _TAKEN_FROM
# The same with its events, for runs that nobody observes: see END_AND_TAKE.
TAKE_AND_TELL: LiteralString = f"""{_TAKE}, opened AS (
    SELECT (mesh_six_publish(%(opened_id)s::uuid, %(now)s, %(trace_id)s, '', '', 'run-started', 1,
                             jsonb_build_object('workflow', run.workflow), %(aggregate_id)s, NULL)).aggregate_seq
    FROM run CROSS JOIN taken WHERE run.state = 'pending'
), begun AS (
    SELECT (mesh_six_publish(%(begun_id)s::uuid, %(now)s, %(trace_id)s, '', '', 'step-started', 1,
                             jsonb_build_object('step', taken.name, 'phase', taken.phase, 'attempt', taken.attempt),
                             %(aggregate_id)s, NULL)).aggregate_seq AS number
    FROM taken LEFT JOIN opened ON true
)
{_TAKEN}, begun.number {_TAKEN_FROM} CROSS JOIN begun
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
# `running` is sent here, so that no plan looks for the step in the partial index of running steps: every step passes
# through it, and it is full of dead entries when many do.
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
_END_WELL: LiteralString = f"""
WITH {_RUN}, step AS (
    UPDATE durable_steps AS step
    SET state = %(state)s, output = %(output)s::jsonb, finished_at = %(now)s, skip_reason = %(reason)s,
        error_code = '', error_hint = '', error_detail = '', lease_until = NULL, lease_owner = ''
    {_FENCED}
), attempt AS (
    INSERT INTO durable_attempts (step_id, number, owner, started_at, finished_at, result, error_code, error_hint,
                                  error_detail)
    SELECT step.id, %(attempt)s, %(lease_owner)s, %(since)s, %(now)s, %(state)s, '', '', '' FROM step
)
"""  # noqa: S608 - made of constants
# All of the most frequent case in one statement, so that a step costs one trip to the database: a step ended well, and
# exactly one follows it. mesh_six_publish stands in the list of columns, where it runs only for rows that are there.
END_AND_TAKE: LiteralString = f"""
{_END_WELL}, taken AS (
    UPDATE durable_steps AS taken {_LEASE}
    FROM run CROSS JOIN step
    WHERE taken.run_id = run.id AND taken.name = %(name)s AND taken.state = 'pending'
      AND run.state IN {OPEN}
    {_LEASED}
), moved AS (
    UPDATE durable_runs AS moved SET phase = taken.phase FROM taken CROSS JOIN run
    WHERE moved.id = run.id AND run.phase <> taken.phase
), ended AS (
    SELECT (mesh_six_publish(%(ended_id)s::uuid, %(now)s, %(trace_id)s, '', '', %(ended_type)s, 1, %(ended)s::jsonb,
                             %(aggregate_id)s, NULL)).aggregate_seq AS number
    FROM step
), started AS (
    SELECT (mesh_six_publish(%(started_id)s::uuid, %(now)s, %(trace_id)s, '', '', 'step-started', 1,
                             %(started)s::jsonb, %(aggregate_id)s, NULL)).aggregate_seq AS number
    FROM taken CROSS JOIN ended
)
SELECT COALESCE(started.number, ended.number), taken.id
FROM run CROSS JOIN step CROSS JOIN ended LEFT JOIN (taken CROSS JOIN started) ON true
"""  # noqa: S608 - made of constants
# The last step of all ended well, and so its run did: no row of the run comes back where somebody ended it before.
END_RUN: LiteralString = f"""
{_END_WELL}, ended AS (
    UPDATE durable_runs AS ended SET state = 'completed', error_code = '', error_hint = '', finished_at = %(now)s
    FROM run CROSS JOIN step WHERE ended.id = run.id AND run.state = 'running'
    RETURNING ended.*
)
SELECT run.state, run.phase, {{run_columns}} FROM run CROSS JOIN step LEFT JOIN ended ON true
"""  # noqa: S608 - made of constants
STORE_ANSWER: LiteralString = "SELECT is_new, is_asked FROM durable_store_answer(%s, %s, %s::jsonb, %s::jsonb, %s, %s)"
