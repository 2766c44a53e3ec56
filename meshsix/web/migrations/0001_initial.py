"""Requests not to be done twice, failed sign-ins, and the four roles."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROLES = ("viewer", "operator", "approver", "admin")


def make_roles(apps, schema_editor):
    """Make the groups that are missing."""
    for name in ROLES:
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='SignInFailures',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, serialize=False, to=settings.AUTH_USER_MODEL)),
                ('count', models.PositiveIntegerField(default=0)),
                ('locked_until', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name_plural': 'sign-in failures',
                'db_table': 'web_sign_in_failures',
            },
        ),
        migrations.CreateModel(
            name='IdempotentRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.CharField(max_length=200)),
                ('idempotency_key', models.CharField(max_length=200)),
                ('path', models.CharField(max_length=300)),
                ('body_sha256', models.CharField(max_length=64)),
                ('resource_id', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'db_table': 'web_idempotent_requests',
                'constraints': [models.UniqueConstraint(fields=('actor', 'idempotency_key'), name='web_one_request_a_key')],
            },
        ),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
