"""What is known of a target between two looks at its driver."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_secrets'),
        ('rollouts', '0007_new_error_lines'),
    ]

    operations = [
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_well', models.BooleanField(null=True)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('servers', models.JSONField(blank=True, default=list)),
                ('candidate_down_at', models.DateTimeField(blank=True, null=True)),
                ('since_at', models.DateTimeField(blank=True, null=True)),
                ('checked_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(blank=True, max_length=12)),
                ('weight', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('mirror', models.PositiveSmallIntegerField(default=0)),
                ('fence', models.BigIntegerField(blank=True, null=True)),
                ('missing', models.JSONField(blank=True, default=list)),
                ('read_detail', models.CharField(blank=True, max_length=500)),
                ('drift', models.CharField(blank=True, max_length=500)),
                ('drifted_at', models.DateTimeField(blank=True, null=True)),
                ('set_again_at', models.DateTimeField(blank=True, null=True)),
                ('open_connections', models.PositiveIntegerField(blank=True, null=True)),
                ('drained_at', models.DateTimeField(blank=True, null=True)),
                ('configured_at', models.DateTimeField(blank=True, null=True)),
                ('target', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='standing', to='catalog.target')),
            ],
            options={
                'indexes': [models.Index(fields=['checked_at'], name='standing_checked')],
            },
        ),
    ]
