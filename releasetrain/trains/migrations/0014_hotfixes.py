"""Hotfixes that are live, what contains them, and glasses that were broken."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_region_service_category_environment_region'),
        ('trains', '0013_late_passes_ledger'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='departure',
            name='held_kind',
            field=models.CharField(blank=True, choices=[('person', 'person'), ('window', 'window'), ('late', 'late'), ('manifest', 'manifest'), ('target', 'target'), ('error', 'error'), ('forecast', 'forecast'), ('check_in', 'check_in'), ('busy', 'busy'), ('needs', 'needs'), ('withdrawal', 'withdrawal'), ('blocker', 'blocker'), ('readiness', 'readiness'), ('hotfix', 'hotfix')], max_length=10),
        ),
        migrations.CreateModel(
            name='BreakGlass',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=1000)),
                ('asked_by_label', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('full_asks', models.JSONField(default=list)),
                ('owed_until', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('overdue_told_at', models.DateTimeField(blank=True, null=True)),
                ('review_due_at', models.DateTimeField()),
                ('review_overdue_told_at', models.DateTimeField(blank=True, null=True)),
                ('reviewed_at', models.DateTimeField(blank=True, null=True)),
                ('reviewed_by_label', models.CharField(blank=True, max_length=200)),
                ('review', models.CharField(blank=True, max_length=2000)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='glasses_broken', to=settings.AUTH_USER_MODEL)),
                ('departure', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='break_glass', to='trains.departure')),
            ],
            options={
                'ordering': ['-at'],
                'indexes': [models.Index(condition=models.Q(('confirmed_at__isnull', True)), fields=['owed_until'], name='break_glass_owed')],
            },
        ),
        migrations.CreateModel(
            name='Containment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=100)),
                ('contains', models.CharField(max_length=100)),
                ('attested_by_label', models.CharField(max_length=200)),
                ('reason', models.CharField(max_length=500)),
                ('at', models.DateTimeField()),
                ('attested_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='containments', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='containments', to='catalog.service')),
            ],
            options={
                'ordering': ['-at'],
                'constraints': [models.UniqueConstraint(fields=('service', 'version', 'contains'), name='containment_once')],
            },
        ),
        migrations.CreateModel(
            name='LiveFix',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=100)),
                ('since_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by_version', models.CharField(blank=True, max_length=100)),
                ('departure', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='live_fixes', to='trains.departure')),
                ('environment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='live_fixes', to='catalog.environment')),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='live_fixes', to='catalog.service')),
            ],
            options={
                'ordering': ['-since_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('service', 'environment'), name='live_fix_one_a_place')],
            },
        ),
    ]
