"""What guardrails promise beside rates: critical ones, fewer being worse, windows; and templates of them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_calendarlink_shift_duty_shiftseat'),
        ('catalog', '0002_region_service_category_environment_region'),
        ('rollouts', '0004_locks'),
    ]

    operations = [
        migrations.CreateModel(
            name='GuardrailTemplate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('metric', models.CharField(max_length=60)),
                ('kind', models.CharField(choices=[('ratio', 'ratio'), ('threshold', 'threshold'), ('sample_ratio', 'sample_ratio')], default='ratio', max_length=12)),
                ('ratio', models.FloatField(default=1.1)),
                ('alpha', models.FloatField(default=0.01)),
                ('is_required', models.BooleanField(default=True)),
                ('is_critical', models.BooleanField(db_default=False, default=False)),
                ('absolute_limit', models.FloatField(blank=True, default=0.2, null=True)),
                ('absolute_minimum', models.PositiveIntegerField(default=20)),
                ('tolerated_rate', models.FloatField(default=0.001)),
                ('excludes', models.FloatField(blank=True, null=True)),
                ('no_data', models.CharField(choices=[('inconclusive', 'inconclusive'), ('bad', 'bad'), ('zero', 'zero')], default='inconclusive', max_length=12)),
                ('fewer_is_worse', models.BooleanField(db_default=False, default=False)),
                ('failure_limit', models.PositiveSmallIntegerField(default=2)),
                ('window_seconds', models.FloatField(db_default=10.0, default=10.0)),
                ('revision', models.PositiveIntegerField(db_default=1, default=1)),
                ('description', models.CharField(blank=True, max_length=500)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='guardrail',
            name='guardrail_once',
        ),
        migrations.AddField(
            model_name='guardrail',
            name='fewer_is_worse',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='guardrail',
            name='is_critical',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='guardrail',
            name='removed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='guardrail',
            name='revision',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='guardrail',
            name='window_seconds',
            field=models.FloatField(db_default=10.0, default=10.0),
        ),
        migrations.AddField(
            model_name='guardrailtemplate',
            name='team',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='guardrail_templates', to='accounts.team'),
        ),
        migrations.AddField(
            model_name='guardrail',
            name='template',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='guardrails', to='rollouts.guardrailtemplate'),
        ),
        migrations.AddConstraint(
            model_name='guardrail',
            constraint=models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('target', 'name'), name='guardrail_once_in_force'),
        ),
        migrations.AddConstraint(
            model_name='guardrail',
            constraint=models.CheckConstraint(condition=models.Q(('is_critical', False), ('is_required', True), _connector='OR'), name='guardrail_critical_is_required'),
        ),
        migrations.AddConstraint(
            model_name='guardrailtemplate',
            constraint=models.UniqueConstraint(fields=('team', 'name'), name='guardrail_template_once'),
        ),
        migrations.AddConstraint(
            model_name='guardrailtemplate',
            constraint=models.CheckConstraint(condition=models.Q(('is_critical', False), ('is_required', True), _connector='OR'), name='guardrail_template_critical_is_required'),
        ),
    ]
