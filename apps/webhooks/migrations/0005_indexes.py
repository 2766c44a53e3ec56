"""Indexes for what is asked: the newest of a hook or an event, and how a guid begins."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds them; those of the keys alone, which the wider ones begin with, go: each insert at the door pays for all."""

    dependencies = [("projects", "0003_secret_announced"), ("webhooks", "0004_occurred_at")]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["hook", "-received_at"], name="webhook_deliveries_hook"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["event", "-received_at"], name="webhook_deliveries_event"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["guid"], opclasses=["varchar_pattern_ops"], name="webhook_deliveries_guid"),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="hook",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="deliveries",
                to="projects.hook",
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="project",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="deliveries",
                to="projects.project",
            ),
        ),
    ]
