"""Lists of memories are read by time, of all or of a project."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agent_memory", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="memory",
            index=models.Index(fields=["-created_at", "-id"], name="agent_memories_newest"),
        ),
        migrations.AddIndex(
            model_name="memory",
            index=models.Index(fields=["project", "-created_at"], name="agent_memories_by_project"),
        ),
    ]
