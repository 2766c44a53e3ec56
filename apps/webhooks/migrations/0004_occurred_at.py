"""When what a delivery tells happened at GitHub."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the time; of older deliveries it is not known."""

    dependencies = [("webhooks", "0003_doors")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="occurred_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
