"""What goes all or nothing together, further attempts and ways back, and commands that two people give."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_region_service_category_environment_region'),
        ('incidents', '0001_initial'),
        ('rollouts', '0005_guardrails_and_templates'),
        ('trains', '0014_hotfixes'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Compensation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('kind', models.CharField(max_length=20)),
                ('what', models.CharField(max_length=200)),
                ('before', models.JSONField(default=dict)),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('answer', models.CharField(blank=True, max_length=500)),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='rollout',
            name='rollout_once_a_departure',
        ),
        migrations.AddField(
            model_name='command',
            name='details',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name='command',
            name='seconded_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='command',
            name='seconded_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='commands_seconded', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='command',
            name='waits_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='intent',
            name='rung',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='rollout',
            name='attempt',
            field=models.PositiveSmallIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='rollout',
            name='bundle',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='rollout',
            name='place',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='rollout',
            name='takes_back',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='taken_back_by', to='rollouts.rollout'),
        ),
        migrations.AddConstraint(
            model_name='rollout',
            constraint=models.UniqueConstraint(condition=models.Q(('departure__isnull', False)), fields=('departure', 'target', 'kind', 'attempt'), name='rollout_once_a_departure'),
        ),
        migrations.AddField(
            model_name='compensation',
            name='rollout',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='compensations', to='rollouts.rollout'),
        ),
        migrations.AddConstraint(
            model_name='compensation',
            constraint=models.UniqueConstraint(fields=('rollout', 'number'), name='compensation_once'),
        ),
    ]
