"""Storing an answer, and whether anybody ever asked for it, is one call."""

from django.db import migrations

# Each statement of the function sees what was committed before it, so that a question which is being asked under the
# lock of its name is seen: see answers.lock.
FORWARD = """
CREATE FUNCTION durable_store_answer(
    p_id text, p_name text, p_payload jsonb, p_actor jsonb, p_received_at timestamptz, p_lock text,
    OUT is_new boolean, OUT is_asked boolean
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_lock, 0));
    INSERT INTO durable_answers (id, name, payload, actor, timed_out, received_at, outcome)
    VALUES (p_id, p_name, p_payload, p_actor, false, p_received_at, 'stored') ON CONFLICT DO NOTHING;
    is_new := FOUND;
    is_asked := EXISTS (SELECT FROM durable_steps WHERE wait_name = p_name AND wait_name <> '');
END $$;
"""
BACKWARD = "DROP FUNCTION durable_store_answer(text, text, jsonb, jsonb, timestamptz, text);"


class Migration(migrations.Migration):
    dependencies = [("durable", "0002_steps_by_answer")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
