"""When GitHub was given a hook's secret, and from when on only a new ping proves the hook."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds both times; of hooks that are there they are not known."""

    dependencies = [("projects", "0003_secret_announced")]

    operations = [
        migrations.AddField(
            model_name="hook",
            name="secret_given_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="hook",
            name="doubted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
