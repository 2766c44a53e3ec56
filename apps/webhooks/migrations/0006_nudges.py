"""How often, and from when on, the message of a delivery that is due is sent again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds both; what is due already counts as never nudged."""

    dependencies = [("webhooks", "0005_indexes")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="nudges",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="delivery",
            name="nudge_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
