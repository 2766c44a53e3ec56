"""The event log: a table partitioned by month, the one function that writes it, its guards."""

from django.db import migrations, models

FORWARD = """
CREATE SEQUENCE mesh_six_events_seq AS bigint;

CREATE TABLE mesh_six_events (
    seq bigint NOT NULL,
    id uuid NOT NULL,
    "timestamp" timestamptz NOT NULL,
    trace_id varchar(64) NOT NULL DEFAULT '',
    task_id varchar(64) NOT NULL DEFAULT '',
    agent_id varchar(100) NOT NULL DEFAULT '',
    event_type varchar(100) NOT NULL CHECK (event_type <> ''),
    event_version smallint NOT NULL CHECK (event_version > 0),
    payload jsonb NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    aggregate_id varchar(200) NOT NULL CHECK (aggregate_id LIKE '%:%'),
    aggregate_seq bigint NOT NULL CHECK (aggregate_seq > 0),
    idempotency_key varchar(200) CHECK (idempotency_key <> ''),
    PRIMARY KEY (seq, "timestamp")
) PARTITION BY RANGE ("timestamp");
ALTER SEQUENCE mesh_six_events_seq OWNED BY mesh_six_events.seq;

CREATE TABLE mesh_six_events_default PARTITION OF mesh_six_events DEFAULT;

CREATE UNIQUE INDEX mesh_six_events_aggregate ON mesh_six_events (aggregate_id, aggregate_seq, "timestamp");
CREATE INDEX mesh_six_events_type ON mesh_six_events (event_type, seq);
CREATE INDEX mesh_six_events_time ON mesh_six_events ("timestamp");
CREATE INDEX mesh_six_events_trace ON mesh_six_events (trace_id, seq) WHERE trace_id <> '';
CREATE INDEX mesh_six_events_task ON mesh_six_events (task_id, seq) WHERE task_id <> '';
CREATE INDEX mesh_six_events_agent ON mesh_six_events (agent_id, seq) WHERE agent_id <> '';

-- An event is never changed. Only ensure_partitions may move rows, and says so in its own transaction.
CREATE FUNCTION mesh_six_events_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('mesh_six.moving_events', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'mesh_six_events is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER mesh_six_events_keep BEFORE UPDATE OR DELETE ON mesh_six_events
    FOR EACH ROW EXECUTE FUNCTION mesh_six_events_keep();

-- Readers that follow by seq must not pass a number whose transaction is still open. So a publishing transaction
-- holds a shared lock (until its end) that names a number below all of its own; 19766 marks these locks ("M6").
-- The setting remembers that this transaction has its lock: it goes with the transaction or its savepoint, as locks do.
CREATE FUNCTION mesh_six_publish(
    p_id uuid, p_timestamp timestamptz, p_trace_id text, p_task_id text, p_agent_id text, p_event_type text,
    p_event_version int, p_payload jsonb, p_aggregate_id text, p_key text
) RETURNS TABLE (seq bigint, event_id uuid, aggregate_seq bigint, happened_at timestamptz, is_new boolean,
                 event_type text, aggregate_id text)
LANGUAGE plpgsql ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    v_seq bigint;
    v_number bigint;
BEGIN
    IF p_key IS NOT NULL THEN
        INSERT INTO mesh_six_event_keys AS k
            (idempotency_key, event_id, event_type, aggregate_id, aggregate_seq, seq, "timestamp")
            VALUES (p_key, p_id, p_event_type, p_aggregate_id, 0, 0, p_timestamp)
            ON CONFLICT (idempotency_key) DO NOTHING;
        IF NOT FOUND THEN
            RETURN QUERY SELECT k.seq, k.event_id, k.aggregate_seq, k."timestamp", false, k.event_type::text,
                                k.aggregate_id::text
                         FROM mesh_six_event_keys k WHERE k.idempotency_key = p_key;
            RETURN;
        END IF;
    END IF;
    INSERT INTO mesh_six_aggregates AS a (aggregate_id, events) VALUES (p_aggregate_id, 1)
        ON CONFLICT (aggregate_id) DO UPDATE SET events = a.events + 1
        RETURNING a.events INTO v_number;
    IF current_setting('mesh_six.publishing', true) IS DISTINCT FROM 'on' THEN
        PERFORM pg_advisory_xact_lock_shared((19766::bigint << 48) | (SELECT s.last_value FROM mesh_six_events_seq s));
        PERFORM set_config('mesh_six.publishing', 'on', true);
    END IF;
    v_seq := nextval('mesh_six_events_seq');
    INSERT INTO mesh_six_events
        (seq, id, "timestamp", trace_id, task_id, agent_id, event_type, event_version, payload, aggregate_id,
         aggregate_seq, idempotency_key)
        VALUES (v_seq, p_id, p_timestamp, p_trace_id, p_task_id, p_agent_id, p_event_type, p_event_version, p_payload,
                p_aggregate_id, v_number, p_key);
    IF p_key IS NOT NULL THEN
        UPDATE mesh_six_event_keys k SET seq = v_seq, aggregate_seq = v_number WHERE k.idempotency_key = p_key;
    END IF;
    RETURN QUERY SELECT v_seq, p_id, v_number, p_timestamp, true, p_event_type, p_aggregate_id;
END $$;

-- safe: the greatest seq up to which a reader whose snapshot is taken AFTER this call misses nothing, which is the last
-- number given out, but for those of transactions that are still open. The order of the two reads matters.
CREATE FUNCTION mesh_six_events_horizon(OUT safe bigint, OUT given bigint) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    v_open bigint;
BEGIN
    SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END INTO given FROM mesh_six_events_seq s;
    SELECT min(((l.classid::bigint & 65535) << 32) | l.objid::bigint) INTO v_open
        FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND (l.classid::bigint >> 16) = 19766
          AND l.pid <> pg_backend_pid()  -- a transaction sees its own events
          AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    -- A fresh sequence says 1 although 1 was not given out yet, so a lock at 1 means: nothing is safe.
    safe := least(given, CASE WHEN v_open <= 1 THEN 0 ELSE v_open END);
END $$;
"""

BACKWARD = """
DROP FUNCTION mesh_six_events_horizon();
DROP FUNCTION mesh_six_publish(uuid, timestamptz, text, text, text, text, int, jsonb, text, text);
DROP TABLE mesh_six_events;
DROP FUNCTION mesh_six_events_keep();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Aggregate',
            fields=[
                ('aggregate_id', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('events', models.BigIntegerField()),
            ],
            options={
                'db_table': 'mesh_six_aggregates',
            },
        ),
        migrations.CreateModel(
            name='EventKey',
            fields=[
                ('idempotency_key', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('event_id', models.UUIDField()),
                ('event_type', models.CharField(max_length=100)),
                ('aggregate_id', models.CharField(max_length=200)),
                ('aggregate_seq', models.BigIntegerField()),
                ('seq', models.BigIntegerField()),
                ('timestamp', models.DateTimeField()),
            ],
            options={
                'db_table': 'mesh_six_event_keys',
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(FORWARD, BACKWARD)],
            state_operations=[
                migrations.CreateModel(
                    name='Event',
                    fields=[
                        ('seq', models.BigIntegerField(primary_key=True, serialize=False)),
                        ('id', models.UUIDField()),
                        ('timestamp', models.DateTimeField()),
                        ('trace_id', models.CharField(blank=True, max_length=64)),
                        ('task_id', models.CharField(blank=True, max_length=64)),
                        ('agent_id', models.CharField(blank=True, max_length=100)),
                        ('event_type', models.CharField(max_length=100)),
                        ('event_version', models.PositiveSmallIntegerField()),
                        ('payload', models.JSONField()),
                        ('aggregate_id', models.CharField(max_length=200)),
                        ('aggregate_seq', models.BigIntegerField()),
                        ('idempotency_key', models.CharField(blank=True, max_length=200, null=True)),
                    ],
                    options={
                        'db_table': 'mesh_six_events',
                        'ordering': ['seq'],
                    },
                ),
            ],
        ),
    ]
