"""A task that is not stored yet may take a slot too, and whoever gets one gets the number of its dispatch with it."""

from django.db import migrations

# See 0003_slots: the lock first, then the count; where no slot is free for the task the inner block lets go of it.
FORWARD = """
DROP FUNCTION agent_take_slot(text, uuid, timestamptz);
CREATE FUNCTION agent_take_slot(
    p_agent_id text, p_task_id uuid, p_priority smallint, p_created_at timestamptz, p_now timestamptz,
    OUT taken int, OUT dispatch_id bigint
) LANGUAGE plpgsql AS $$
DECLARE
    v_slots int;
BEGIN
    SELECT max_concurrency INTO v_slots FROM agents WHERE agent_id = p_agent_id AND enabled FOR NO KEY UPDATE;
    SELECT count(*) INTO taken FROM orchestrator_tasks
    WHERE dispatched_to = p_agent_id AND status IN ('dispatched', 'running');
    IF taken >= COALESCE(v_slots, 0) OR EXISTS (
        SELECT 1 FROM orchestrator_tasks other
        WHERE other.status = 'pending' AND other.task_id <> p_task_id AND other.waits_for <> '{}'
          AND other.waits_for @> ARRAY[p_agent_id]::varchar[] AND (other.due_at IS NULL OR other.due_at <= p_now)
          AND (-task_rank(other.priority, other.created_at, p_now), other.created_at, other.task_id)
            < (-task_rank(p_priority, p_created_at, p_now), p_created_at, p_task_id)
    ) THEN
        RAISE EXCEPTION USING ERRCODE = 'MS001';
    END IF;
    dispatch_id := nextval(pg_get_serial_sequence('task_dispatches', 'id'));
EXCEPTION WHEN SQLSTATE 'MS001' THEN
    NULL;
END $$;
"""
BACKWARD = """
DROP FUNCTION agent_take_slot(text, uuid, smallint, timestamptz, timestamptz);
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
        WHERE other.status = 'pending' AND other.task_id <> task.task_id AND other.waits_for <> '{}'
          AND other.waits_for @> ARRAY[p_agent_id]::varchar[] AND (other.due_at IS NULL OR other.due_at <= p_now)
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


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_pauses")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
