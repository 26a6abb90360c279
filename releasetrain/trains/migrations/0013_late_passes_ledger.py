"""Keep late passes, and a ledger that begins with what is aboard and what has ended so far."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


BEGIN = """
INSERT INTO trains_ledgerentry (
    change_id, departure_id, departure_label, entered_at, entered_by_label, "end", ended_at, ended_by_label, reason
)
SELECT c.id, d.id, COALESCE(NULLIF(d.label, ''), t.name || ' RT-' || d.id), COALESCE(c.boarded_at, c.submitted_at),
    COALESCE(NULLIF(c.author_label, ''), 'somebody'),
    CASE c.state WHEN 'aboard' THEN '' ELSE c.state END,
    CASE c.state WHEN 'aboard' THEN NULL ELSE COALESCE(d.finished_at, d.departs_at) END,
    CASE c.state WHEN 'aboard' THEN '' ELSE 'Release Train' END,
    CASE c.state WHEN 'aboard' THEN '' ELSE 'It had ended so when the ledger began.' END
FROM trains_change c
JOIN trains_departure d ON d.id = c.departure_id
JOIN trains_train t ON t.id = d.train_id
WHERE c.state IN ('aboard', 'shipped', 'returned', 'rolled_over', 'ejected')
"""
WITHOUT_A_DEPARTURE = """
INSERT INTO trains_ledgerentry (
    change_id, departure_label, entered_at, entered_by_label, "end", ended_at, ended_by_label, reason
)
SELECT c.id, '', c.submitted_at, COALESCE(NULLIF(c.author_label, ''), 'somebody'), c.state, c.submitted_at,
    'Release Train', 'It had ended so when the ledger began.'
FROM trains_change c
WHERE c.departure_id IS NULL AND c.state IN ('returned', 'rolled_over', 'ejected', 'shipped')
"""


class Migration(migrations.Migration):

    dependencies = [
        ('trains', '0012_deciding'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='departure',
            name='late_passes_asked',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name='LatePass',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bundle', models.CharField(blank=True, max_length=100)),
                ('version', models.CharField(blank=True, max_length=100)),
                ('state', models.CharField(choices=[('priced', 'priced'), ('asked', 'asked'), ('granted', 'granted'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('used', 'used'), ('lapsed', 'lapsed')], default='priced', max_length=10)),
                ('price', models.JSONField(default=dict)),
                ('priced_at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=1000)),
                ('fixes', models.CharField(blank=True, max_length=300)),
                ('asked_by_label', models.CharField(max_length=200)),
                ('asked_at', models.DateTimeField(blank=True, null=True)),
                ('granted_by_label', models.CharField(blank=True, max_length=200)),
                ('granted_at', models.DateTimeField(blank=True, null=True)),
                ('seconded_by_label', models.CharField(blank=True, max_length=200)),
                ('use_by', models.DateTimeField(blank=True, null=True)),
                ('extended_at', models.DateTimeField(blank=True, null=True)),
                ('extended_by_label', models.CharField(blank=True, max_length=200)),
                ('extended_reason', models.CharField(blank=True, max_length=500)),
                ('over_at', models.DateTimeField(blank=True, null=True)),
                ('over_by_label', models.CharField(blank=True, max_length=200)),
                ('over_reason', models.CharField(blank=True, max_length=500)),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='late_passes_asked', to=settings.AUTH_USER_MODEL)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='late_passes', to='trains.change')),
                ('departure', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='late_passes', to='trains.departure')),
                ('granted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='late_passes_granted', to=settings.AUTH_USER_MODEL)),
                ('seconded_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='late_passes_seconded', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'late passes',
                'ordering': ['-priced_at'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['asked', 'granted'])), fields=['use_by'], name='late_pass_live')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['priced', 'asked', 'granted'])), fields=('change',), name='late_pass_one_a_change'), models.CheckConstraint(condition=models.Q(('granted_by__isnull', True), ('asked_by__isnull', True), models.Q(('granted_by', models.F('asked_by')), _negated=True), _connector='OR'), name='late_pass_is_granted_by_another'), models.CheckConstraint(condition=models.Q(('seconded_by__isnull', True), ('granted_by__isnull', True), models.Q(('seconded_by', models.F('granted_by')), _negated=True), _connector='OR'), name='late_pass_has_a_second_person'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['granted', 'used']), _negated=True), ('use_by__isnull', False), _connector='OR'), name='late_pass_has_a_limit'), models.CheckConstraint(condition=models.Q(('state', 'priced'), models.Q(('reason', ''), _negated=True), _connector='OR'), name='late_pass_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('departure_label', models.CharField(max_length=200)),
                ('entered_at', models.DateTimeField()),
                ('entered_by_label', models.CharField(max_length=200)),
                ('end', models.CharField(blank=True, choices=[('shipped', 'shipped'), ('rolled_over', 'rolled over to the next departure'), ('returned', 'returned to its author'), ('ejected', 'ejected'), ('withdrawn', 'withdrawn by its own people'), ('moved', 'moved to another departure'), ("stood_by", "put on stand-by")], max_length=12)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by_label', models.CharField(blank=True, max_length=200)),
                ('reason', models.CharField(blank=True, max_length=300)),
                ('change', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ledger', to='trains.change')),
                ('departure', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ledger', to='trains.departure')),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ledger_ends', to=settings.AUTH_USER_MODEL)),
                ('to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='trains.departure')),
            ],
            options={
                'verbose_name_plural': 'ledger entries',
                'ordering': ['entered_at', 'pk'],
                'indexes': [models.Index(fields=['departure', 'entered_at'], name='ledger_of_a_departure')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('change',), name='ledger_one_open_a_change'), models.CheckConstraint(condition=models.Q(models.Q(('end', ''), ('ended_at__isnull', True)), models.Q(('ended_at__isnull', False), models.Q(('end', ''), _negated=True), models.Q(('ended_by_label', ''), _negated=True), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='ledger_ends_by_somebody_for_a_reason')],
            },
        ),
        migrations.RunSQL([BEGIN, WITHOUT_A_DEPARTURE], migrations.RunSQL.noop),
    ]
