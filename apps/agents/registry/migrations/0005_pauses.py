"""The pause of each agent that has failed a task, in place of the last one's alone; those that last are taken over."""

from django.db import migrations, models

TAKE_OVER = """
UPDATE orchestrator_tasks SET pauses = jsonb_build_object(dispatched_to, same_agent_at)
WHERE status = 'pending' AND same_agent_at > now()
"""


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0004_settings_of_operators'),
    ]

    operations = [
        migrations.AddField(
            model_name='task',
            name='pauses',
            field=models.JSONField(blank=True, help_text='By agent until when it is not to have it again.', null=True),
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        migrations.RemoveField(model_name='task', name='same_agent_at'),
    ]
