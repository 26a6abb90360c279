"""Keep what checks say and what blocks a departure; everything new is empty for rows that are there."""

import datetime
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_region_service_category_environment_region'),
        ('trains', '0010_needs_and_withdrawals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='departure',
            name='blocking',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='departure',
            name='readiness',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='train',
            name='checks',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='departure',
            name='held_kind',
            field=models.CharField(blank=True, choices=[('person', 'person'), ('window', 'window'), ('late', 'late'), ('manifest', 'manifest'), ('target', 'target'), ('error', 'error'), ('forecast', 'forecast'), ('check_in', 'check_in'), ('busy', 'busy'), ('needs', 'needs'), ('withdrawal', 'withdrawal'), ('blocker', 'blocker'), ('readiness', 'readiness')], max_length=10),
        ),
        migrations.CreateModel(
            name='Blocker',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('defect', 'defect'), ('incident', 'incident'), ('security', 'security'), ('dependency', 'waits for something else'), ('other', 'another reason'), ('error_rate', 'error rate')], max_length=10)),
                ('title', models.CharField(max_length=200)),
                ('url', models.URLField(blank=True, max_length=500)),
                ('owner_label', models.CharField(blank=True, max_length=200)),
                ('clears', models.CharField(blank=True, choices=[('viewer', 'viewer'), ('submitter', 'submitter'), ('on_call', 'on-call'), ('release_manager', 'release manager'), ('administrator', 'administrator')], max_length=20)),
                ('limit', models.FloatField(blank=True, null=True)),
                ('short', models.DurationField(default=datetime.timedelta(seconds=300))),
                ('long', models.DurationField(default=datetime.timedelta(seconds=3600))),
                ('blocks', models.BooleanField(default=True)),
                ('finding', models.CharField(blank=True, max_length=300)),
                ('looked_at', models.DateTimeField(blank=True, null=True)),
                ('opened_by_label', models.CharField(max_length=200)),
                ('opened_at', models.DateTimeField()),
                ('cleared_at', models.DateTimeField(blank=True, null=True)),
                ('cleared_by_label', models.CharField(blank=True, max_length=200)),
                ('cleared_reason', models.CharField(blank=True, max_length=300)),
                ('departure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='blockers', to='trains.departure')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='blockers_owned', to=settings.AUTH_USER_MODEL)),
                ('service', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='blockers', to='catalog.service')),
            ],
            options={
                'ordering': ['opened_at', 'pk'],
                'indexes': [models.Index(condition=models.Q(('cleared_at__isnull', True)), fields=['departure'], name='blocker_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('cleared_at__isnull', True), models.Q(('cleared_reason', ''), _negated=True), _connector='OR'), name='blocker_cleared_for_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'error_rate'), _negated=True), models.Q(('limit__isnull', False), ('long__gt', models.F('short')), ('service__isnull', False)), _connector='OR'), name='blocker_watches_a_service'), models.CheckConstraint(condition=models.Q(('kind', 'error_rate'), ('blocks', True), _connector='OR'), name='blocker_blocks')],
            },
        ),
        migrations.CreateModel(
            name='Evidence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.CharField(max_length=100)),
                ('name', models.CharField(max_length=100)),
                ('state', models.CharField(choices=[('green', 'green'), ('red', 'red'), ('pending', 'pending')], max_length=8)),
                ('url', models.URLField(blank=True, max_length=500)),
                ('reported_by', models.CharField(max_length=200)),
                ('at', models.DateTimeField(help_text='when it was so, by the clock of whoever reports')),
                ('received_at', models.DateTimeField()),
                ('service', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='evidence', to='catalog.service')),
            ],
            options={
                'ordering': ['-at'],
                'constraints': [models.UniqueConstraint(fields=('service', 'version', 'name'), name='evidence_once')],
            },
        ),
        migrations.CreateModel(
            name='Mark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=120)),
                ('is_waiver', models.BooleanField(default=False)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('revision', models.PositiveSmallIntegerField(default=0)),
                ('by_label', models.CharField(max_length=200)),
                ('at', models.DateTimeField()),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('undone_by_label', models.CharField(blank=True, max_length=200)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='marks', to=settings.AUTH_USER_MODEL)),
                ('departure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='marks', to='trains.departure')),
            ],
            options={
                'ordering': ['at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('undone_at__isnull', True)), fields=('departure', 'key', 'is_waiver'), name='mark_once'), models.CheckConstraint(condition=models.Q(('is_waiver', False), models.Q(('reason', ''), _negated=True), _connector='OR'), name='mark_waived_for_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Stretch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('states', models.JSONField()),
                ('is_green', models.BooleanField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
                ('departure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='stretches', to='trains.departure')),
            ],
            options={
                'verbose_name_plural': 'stretches',
                'ordering': ['-first_at'],
                'constraints': [models.UniqueConstraint(fields=('departure', 'first_at'), name='stretch_once'), models.CheckConstraint(condition=models.Q(('last_at__gte', models.F('first_at'))), name='stretch_ends_after_its_start')],
            },
        ),
    ]
