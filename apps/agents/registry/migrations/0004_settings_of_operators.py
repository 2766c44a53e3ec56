"""What operators set for agents has a table of its own, which outlives the agents' rows.

Who is switched off stays so: only an operator does that. The slots of an agent's row may be those that it declares, and
nothing tells these from an operator's: they stay in its row until its definition changes or an operator sets them again.
"""

import meshsix.kit.clock
from django.db import migrations, models


def keep(apps, schema_editor):
    """Take over who is switched off."""
    off = apps.get_model('registry', 'Agent').objects.filter(enabled=False)
    setting = apps.get_model('registry', 'Setting')
    setting.objects.bulk_create(setting(agent_id=agent_id, enabled=False) for agent_id in off.values_list('pk', flat=True))


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0003_slots'),
    ]

    operations = [
        migrations.CreateModel(
            name='Setting',
            fields=[
                ('agent_id', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('enabled', models.BooleanField(blank=True, null=True)),
                ('max_concurrency', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('updated_at', models.DateTimeField(default=meshsix.kit.clock.now)),
            ],
            options={
                'db_table': 'agent_settings',
                'constraints': [models.CheckConstraint(condition=models.Q(('max_concurrency__isnull', True), models.Q(('max_concurrency__gte', 1), ('max_concurrency__lte', 100)), _connector='OR'), name='agent_settings_max_concurrency')],
            },
        ),
        migrations.RunPython(keep, migrations.RunPython.noop),
    ]
