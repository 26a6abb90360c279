"""Who has a target to itself, and what made way for a hotfix."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_region_service_category_environment_region'),
        ('rollouts', '0003_window_returns'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='rollout',
            name='makes_way',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='rollout',
            name='queued_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='rollout',
            name='yielded_to',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='displaced', to='rollouts.rollout'),
        ),
        migrations.AlterField(
            model_name='hold',
            name='kind',
            field=models.CharField(choices=[('operator', 'operator'), ('approval', 'approval'), ('inconclusive', 'inconclusive'), ('metrics_outage', 'metrics_outage'), ('blackout', 'blackout'), ('dependency', 'dependency'), ('barrier', 'barrier'), ('hotfix', 'hotfix'), ('drift', 'drift'), ('error', 'error')], max_length=16),
        ),
        migrations.CreateModel(
            name='Lock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fence', models.PositiveIntegerField()),
                ('holder_label', models.CharField(max_length=200)),
                ('reason', models.CharField(max_length=500)),
                ('taken_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by_label', models.CharField(blank=True, max_length=200)),
                ('ended_reason', models.CharField(blank=True, max_length=500)),
                ('holder', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='locks', to=settings.AUTH_USER_MODEL)),
                ('rollout', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='locks', to='rollouts.rollout')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='locks', to='catalog.target')),
            ],
            options={
                'ordering': ['-taken_at'],
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True), ('rollout__isnull', True)), fields=['expires_at'], name='lock_to_expire')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('target',), name='lock_one_holder_of_a_target'), models.UniqueConstraint(fields=('target', 'fence'), name='lock_fence_once')],
            },
        ),
    ]
