"""Agents and history for the benchmarks of the registry, written straight into its tables."""

import psutil
from django.db import connection

CAPABILITY = "bench"

_AGENTS = """
INSERT INTO agents (agent_id, title, kind, type, version, definition_hash, max_concurrency, enabled, projects, status,
                    metadata, created_at, updated_at)
SELECT 'bench-' || n, 'Bench', 'python', 'RULE', '1', '', 4, true, '{}', 'online', '{}', now(), now()
FROM generate_series(1, %(agents)s) n
"""
_SCHEMA = """
INSERT INTO agent_schemas (hash, schema) VALUES ('bench', '{"type": "object"}')
"""
_CAPABILITIES = """
INSERT INTO agent_capabilities (agent_id, name, weight, preferred, requirements, risk, risky_actions, input_schema,
                                output_schema, served_by, timeout_seconds, created_at)
SELECT agent_id, %(capability)s, 0.5 + (random() * 0.5)::numeric(4, 3), random() < 0.1, '{broker,web}', 'AUTO', '{}',
       'bench', 'bench', 'step', 120, now()
FROM agents
"""
_CHECKS = """
INSERT INTO agent_checks (agent_id, key, kind, target, ok, streak, due_at, checked_at, detail)
SELECT agent_id, key, 'url', 'http://127.0.0.1/' || key, random() < 0.95, 2, now(), now(), 'answered 200'
FROM agents, unnest('{broker,web}'::text[]) key
"""
_INSTANCES = """
INSERT INTO agent_instances (agent_id, instance_id, host, version, started_at, last_heartbeat_at, stop_reason)
SELECT agent_id, 'instance-' || agent_id, 'bench', '1', now(), now() + interval '1 hour', '' FROM agents
"""
_HISTORY = """
INSERT INTO agent_task_history (task_id, attempt, agent_id, capability, success, duration_ms, error_type, context,
                                created_at, counted)
SELECT gen_random_uuid(), 1, 'bench-' || (1 + n %% %(agents)s), %(capability)s, made.well, 100,
       CASE WHEN made.well THEN '' ELSE 'error' END, '{}', now() - make_interval(secs => (%(rows)s - n) / 10.0), true
FROM generate_series(1, %(rows)s) n, LATERAL (SELECT random() < 0.9 OR n < 0 AS well) made
"""
_TABLES = "agents, agent_capabilities, agent_checks, agent_instances, agent_task_history, agent_recent_outcomes"


def fill(agents: int) -> None:
    """Make so many agents that offer one capability, each with two checks and an instance that beats."""
    with connection.cursor() as cursor:
        for statement in (_AGENTS, _SCHEMA, _CAPABILITIES, _CHECKS, _INSTANCES):
            cursor.execute(statement, {"agents": agents, "capability": CAPABILITY})


def fill_history(rows: int, *, agents: int) -> None:
    """Let the agents have made so many attempts together, and nothing else in their history."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE agent_task_history")
        cursor.execute(_HISTORY, {"rows": rows, "agents": agents, "capability": CAPABILITY})
        cursor.execute(f"VACUUM (ANALYZE) {_TABLES}, orchestrator_tasks")


def ourselves_and_server() -> list[psutil.Process]:
    """Return this process and the server's that serves its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return [psutil.Process(), psutil.Process(cursor.fetchone()[0])]


def spent(processes: list[psutil.Process]) -> float:
    """Return the seconds of processor time that these have used."""
    times = [process.cpu_times() for process in processes]
    return sum(each.user + each.system for each in times)
