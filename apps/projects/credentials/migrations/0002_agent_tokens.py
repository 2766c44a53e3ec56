"""Tokens of agents outside: bound to one agent and what it may offer."""

import django.contrib.postgres.fields
from django.db import migrations, models

_SCOPES = [
    ("read", "See everything but secrets"),
    ("operate", "Start, resume, cancel, submit a sign-in code"),
    ("approve", "Approve or reject"),
    ("admin", "Whatever its owner may do as an admin"),
    ("metrics", "Read the metrics"),
    ("runner", "Say hello as the runner of an environment"),
    ("agent", "Work as one agent outside"),
]


class Migration(migrations.Migration):
    dependencies = [("credentials", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="accesstoken", name="access_tokens_scopes"),
        migrations.RemoveConstraint(model_name="accesstoken", name="access_tokens_class"),
        migrations.AddField(
            model_name="accesstoken",
            name="agent_id",
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name="accesstoken",
            name="capabilities",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=100), blank=True, default=list, size=None
            ),
        ),
        migrations.AlterField(
            model_name="accesstoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=_SCOPES, max_length=20), size=None
            ),
        ),
        migrations.AlterField(
            model_name="accesstoken",
            name="token_class",
            field=models.CharField(
                choices=[
                    ("personal", "A person's own"),
                    ("service", "A program's, bound to what it is for"),
                    ("runner", "An environment's runner"),
                    ("agent", "An agent outside"),
                ],
                db_column="class",
                max_length=20,
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("scopes__contained_by", ["read", "operate", "approve", "admin", "metrics", "runner", "agent"])
                ),
                name="access_tokens_scopes",
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(("token_class__in", ["personal", "service", "runner", "agent"])),
                name="access_tokens_class",
            ),
        ),
        migrations.AddConstraint(
            model_name="accesstoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("capabilities__len__gt", 0),
                        ("scopes", ["agent"]),
                        ("token_class", "agent"),
                        models.Q(("agent_id", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("token_class", "agent"), _negated=True),
                        models.Q(("scopes__contains", ["agent"]), _negated=True),
                        ("agent_id", ""),
                        ("capabilities__len", 0),
                    ),
                    _connector="OR",
                ),
                name="access_tokens_agent",
            ),
        ),
    ]
