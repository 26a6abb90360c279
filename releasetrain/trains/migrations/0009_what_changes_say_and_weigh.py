"""Keep what is said of changes, what they weigh and who stands by; what trains may carry; indexes to search by."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_calendarlink_shift_duty_shiftseat'),
        ('catalog', '0002_region_service_category_environment_region'),
        ('trains', '0008_check_in_asked_at'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='change',
            name='answers',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='change',
            name='awaits_ready',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='change',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='change',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'High'), (3, 'Normal'), (4, 'Low')], default=3),
        ),
        migrations.AddField(
            model_name='change',
            name='ready_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='change',
            name='risk_points',
            field=models.PositiveSmallIntegerField(default=6),
        ),
        migrations.AddField(
            model_name='change',
            name='stand_by_for',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='standing_by', to='trains.departure'),
        ),
        migrations.AddField(
            model_name='change',
            name='stand_by_place',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='change',
            name='stood_by_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='change',
            name='traits',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='train',
            name='capacity',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='train',
            name='refuses',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name='train',
            name='risk_budget',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='train',
            name='takes_only',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AlterField(
            model_name='change',
            name='state',
            field=models.CharField(choices=[('draft', 'draft'), ('submitted', 'submitted'), ('stand_by', 'stand_by'), ('aboard', 'aboard'), ('withdrawn', 'withdrawn'), ('shipped', 'shipped'), ('rolled_over', 'rolled_over'), ('returned', 'returned'), ('ejected', 'ejected')], default='submitted', max_length=12),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['-submitted_at', '-id'], name='change_newest'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['state', '-submitted_at', '-id'], name='change_by_state'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['author', '-submitted_at'], name='change_by_author'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['submitted_by', '-submitted_at'], name='change_by_submitter'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['-risk_points', '-submitted_at', '-id'], name='change_riskiest'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['priority', '-submitted_at', '-id'], name='change_most_urgent'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='change_expires'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('title', 'author_label', 'version', 'external_id', config='simple'), name='change_search'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stand_by_for__isnull', False), ('state', 'stand_by'), ('stood_by_at__isnull', False)), models.Q(models.Q(('state', 'stand_by'), _negated=True), ('stand_by_for__isnull', True)), _connector='OR'), name='change_stands_by_for_a_departure'),
        ),
        migrations.AddConstraint(
            model_name='train',
            constraint=models.CheckConstraint(condition=models.Q(('capacity__isnull', True), ('capacity__gte', 1), _connector='OR'), name='train_carries_something'),
        ),
    ]
