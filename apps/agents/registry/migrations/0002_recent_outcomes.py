"""What scoring needs of the past stands at hand: an agent's newest outcomes, and when it was last given a task."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

# Of two transactions that end attempts of the same agent at a time, the later one waits for the row and adds to what the
# earlier one wrote; by time of the attempts, whoever was first.
FORWARD = """
ALTER TABLE agent_recent_outcomes SET (fillfactor = 50);
CREATE FUNCTION agent_recent_outcomes_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO agent_recent_outcomes AS known (agent_id, capability, won, ended_at)
    SELECT agent_id, capability, (array_agg(success ORDER BY created_at DESC, id DESC))[:20],
           (array_agg(created_at ORDER BY created_at DESC, id DESC))[:20]
    FROM added WHERE counted GROUP BY agent_id, capability ORDER BY agent_id, capability
    ON CONFLICT (agent_id, capability) DO UPDATE SET (won, ended_at) = (
        SELECT array_agg(success ORDER BY at DESC, place), array_agg(at ORDER BY at DESC, place)
        FROM (
            SELECT * FROM unnest(EXCLUDED.won || known.won, EXCLUDED.ended_at || known.ended_at)
            WITH ORDINALITY AS ended(success, at, place) ORDER BY at DESC, place LIMIT 20
        ) newest
    );
    RETURN NULL;
END $$;
CREATE TRIGGER agent_recent_outcomes_follow AFTER INSERT ON agent_task_history REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION agent_recent_outcomes_follow();
CREATE FUNCTION agent_recent_outcomes_empty() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM agent_recent_outcomes;
    RETURN NULL;
END $$;
CREATE TRIGGER agent_recent_outcomes_empty AFTER TRUNCATE ON agent_task_history
    FOR EACH STATEMENT EXECUTE FUNCTION agent_recent_outcomes_empty();
"""
BACKWARD = """
DROP TRIGGER agent_recent_outcomes_empty ON agent_task_history;
DROP FUNCTION agent_recent_outcomes_empty();
DROP TRIGGER agent_recent_outcomes_follow ON agent_task_history;
DROP FUNCTION agent_recent_outcomes_follow();
"""
KNOWN = """
INSERT INTO agent_recent_outcomes (agent_id, capability, won, ended_at)
SELECT pair.agent_id, pair.capability, past.won, past.ended_at
FROM (SELECT DISTINCT agent_id, capability FROM agent_task_history WHERE counted) pair, LATERAL (
    SELECT array_agg(success ORDER BY created_at DESC, id DESC) AS won,
           array_agg(created_at ORDER BY created_at DESC, id DESC) AS ended_at
    FROM (
        SELECT success, created_at, id FROM agent_task_history
        WHERE agent_id = pair.agent_id AND capability = pair.capability AND counted
        ORDER BY created_at DESC, id DESC LIMIT 20
    ) newest
) past;
UPDATE agents SET last_dispatched_at = (
    SELECT max(dispatched_at) FROM orchestrator_tasks WHERE dispatched_to = agents.agent_id
);
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="last_dispatched_at",
            field=models.DateTimeField(blank=True, help_text="When it was last given a task.", null=True),
        ),
        migrations.CreateModel(
            name="RecentOutcomes",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("agent_id", models.CharField(max_length=60)),
                ("capability", models.CharField(max_length=100)),
                ("won", ArrayField(base_field=models.BooleanField(), size=None)),
                ("ended_at", ArrayField(base_field=models.DateTimeField(), size=None)),
            ],
            options={
                "db_table": "agent_recent_outcomes",
                "constraints": [
                    models.UniqueConstraint(fields=("agent_id", "capability"), name="agent_recent_outcomes_unique")
                ],
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
