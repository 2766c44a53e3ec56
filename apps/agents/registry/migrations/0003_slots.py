"""Taking a slot of an agent is one call, and the order in which tasks have their turn stands in one place.

Who waits for an agent is found by an index; the one over the counted history has no reader any more.
"""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

# A task's rank rises by one for each ten minutes that it has waited, at most to 10; then the oldest comes first.
#
# Taking a slot locks the agent's row and only then counts: each statement of a function sees what was committed before
# it. Where no slot is free for this task the inner block lets go of the lock, so that nobody holds two agents.
FORWARD = """
CREATE FUNCTION task_rank(priority smallint, created_at timestamptz, at timestamptz) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT LEAST(10, priority + floor(extract(epoch FROM at - created_at) / 600))
$$;
CREATE FUNCTION agent_take_slot(p_agent_id text, p_task_id uuid, p_now timestamptz, OUT taken int, OUT holds boolean)
LANGUAGE plpgsql AS $$
DECLARE
    v_slots int;
BEGIN
    SELECT max_concurrency INTO v_slots FROM agents WHERE agent_id = p_agent_id AND enabled FOR NO KEY UPDATE;
    SELECT count(*) INTO taken FROM orchestrator_tasks
    WHERE dispatched_to = p_agent_id AND status IN ('dispatched', 'running');
    holds := taken < COALESCE(v_slots, 0) AND NOT EXISTS (
        SELECT 1 FROM orchestrator_tasks other JOIN orchestrator_tasks task ON task.task_id = p_task_id
        WHERE other.status = 'pending' AND other.task_id <> task.task_id AND other.waits_for <> '{}' AND other.waits_for @> ARRAY[p_agent_id]::varchar[]
          AND (other.due_at IS NULL OR other.due_at <= p_now)
          AND (-task_rank(other.priority, other.created_at, p_now), other.created_at, other.task_id)
            < (-task_rank(task.priority, task.created_at, p_now), task.created_at, task.task_id)
    );
    IF NOT holds THEN
        RAISE EXCEPTION USING ERRCODE = 'MS001';
    END IF;
EXCEPTION WHEN SQLSTATE 'MS001' THEN
    holds := false;
END $$;
"""
BACKWARD = """
DROP FUNCTION agent_take_slot(text, uuid, timestamptz);
DROP FUNCTION task_rank(smallint, timestamptz, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0002_recent_outcomes")]

    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddIndex(
            model_name="task",
            index=GinIndex(
                condition=models.Q(("status", "pending"), models.Q(("waits_for", []), _negated=True)),
                fields=["waits_for"],
                name="tasks_by_awaited_agent",
            ),
        ),
        migrations.RemoveIndex(model_name="history", name="history_counted"),
    ]
