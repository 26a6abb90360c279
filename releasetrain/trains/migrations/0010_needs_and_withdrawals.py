"""Write down what changes need each other, bundles that somebody left, and requests to leave after the seal."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trains', '0009_what_changes_say_and_weigh'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='bundle',
            name='missing',
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AlterField(
            model_name='departure',
            name='held_kind',
            field=models.CharField(blank=True, choices=[('person', 'person'), ('window', 'window'), ('late', 'late'), ('manifest', 'manifest'), ('target', 'target'), ('error', 'error'), ('forecast', 'forecast'), ('check_in', 'check_in'), ('busy', 'busy'), ('needs', 'needs'), ('withdrawal', 'withdrawal')], max_length=10),
        ),
        migrations.CreateModel(
            name='Need',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('noted_by_label', models.CharField(max_length=200)),
                ('noted_at', models.DateTimeField()),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='needs', to='trains.change')),
                ('needed', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='needed_by', to='trains.change')),
            ],
            options={
                'ordering': ['noted_at', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('change', 'needed'), name='need_once'), models.CheckConstraint(condition=models.Q(('change', models.F('needed')), _negated=True), name='need_not_of_itself')],
            },
        ),
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(max_length=300)),
                ('requested_by_label', models.CharField(max_length=200)),
                ('requested_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('asked', 'asked'), ('accepted', 'accepted'), ('refused', 'refused'), ('taken_back', 'taken_back')], default='asked', max_length=10)),
                ('repointed', models.JSONField(blank=True, default=dict)),
                ('decided_by_label', models.CharField(blank=True, max_length=200)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('decision', models.CharField(blank=True, max_length=300)),
                ('revision', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawals', to='trains.change')),
                ('departure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='withdrawals', to='trains.departure')),
                ('requested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='withdrawals_requested', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-requested_at', '-pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'asked')), fields=('change', 'departure'), name='withdrawal_asked_once'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='withdrawal_has_a_reason'), models.CheckConstraint(condition=models.Q(('state', 'asked'), ('decided_at__isnull', False), _connector='OR'), name='withdrawal_decided_at_some_time')],
            },
        ),
    ]
