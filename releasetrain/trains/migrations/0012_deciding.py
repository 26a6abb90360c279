"""Keep seats, parts, places and ages of votes; deadlines of decisions; weaker editions of policies."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_calendarlink_shift_duty_shiftseat'),
        ('trains', '0011_checks_and_blockers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Delegation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(blank=True, choices=[('viewer', 'viewer'), ('submitter', 'submitter'), ('on_call', 'on-call'), ('release_manager', 'release manager'), ('administrator', 'administrator')], max_length=20)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=300)),
                ('given_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-starts_at'],
            },
        ),
        migrations.CreateModel(
            name='PolicyVote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user_label', models.CharField(max_length=200)),
                ('role', models.CharField(choices=[('viewer', 'viewer'), ('submitter', 'submitter'), ('on_call', 'on-call'), ('release_manager', 'release manager'), ('administrator', 'administrator')], max_length=20)),
                ('seat', models.CharField(max_length=120)),
                ('choice', models.CharField(choices=[('go', 'go'), ('no_go', 'no_go'), ('needs_work', 'needs_work'), ('not_applicable', 'not_applicable'), ('abstain', 'abstain')], max_length=14)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('at', models.DateTimeField()),
                ('replaced_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['at'],
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('base_revision', models.PositiveIntegerField()),
                ('content', models.JSONField()),
                ('digest', models.CharField(max_length=64)),
                ('weaker', models.JSONField(default=list)),
                ('reason', models.CharField(max_length=500)),
                ('proposed_by_label', models.CharField(max_length=200)),
                ('proposed_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['-proposed_at'],
            },
        ),
        migrations.AlterModelOptions(
            name='requirement',
            options={'ordering': ['role', 'slot']},
        ),
        migrations.RemoveConstraint(
            model_name='requirement',
            name='requirement_once',
        ),
        migrations.RemoveConstraint(
            model_name='vote',
            name='vote_no_go_has_a_reason',
        ),
        migrations.AddField(
            model_name='departure',
            name='decide_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='departure',
            name='decide_by_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='departure',
            name='escalated_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='manifest',
            name='since',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='policy',
            name='decide_by',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='policy',
            name='escalates_to',
            field=models.CharField(choices=[('viewer', 'viewer'), ('submitter', 'submitter'), ('on_call', 'on-call'), ('release_manager', 'release manager'), ('administrator', 'administrator')], default='release_manager', max_length=20),
        ),
        migrations.AddField(
            model_name='policy',
            name='guards_quorum',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='policy',
            name='revision',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name='policy',
            name='votes_last',
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='requirement',
            name='allows_not_applicable',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='requirement',
            name='only_veto',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='requirement',
            name='part',
            field=models.CharField(choices=[('whole', 'the whole manifest'), ('own', 'the team’s own services')], default='whole', max_length=8),
        ),
        migrations.AddField(
            model_name='requirement',
            name='self_certify_up_to',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='requirement',
            name='silence_after',
            field=models.DurationField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='requirement',
            name='slot',
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name='requirement',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='requirements', to='accounts.team'),
        ),
        migrations.AddField(
            model_name='vote',
            name='about',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='vote',
            name='for_label',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='vote',
            name='for_user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='votes_by_others', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='vote',
            name='overrule_asked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='vote',
            name='overrule_asked_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='overrulings_asked', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='vote',
            name='overrule_asked_by_label',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='vote',
            name='overrule_reason',
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name='vote',
            name='overruled_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='vote',
            name='overruled_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='overrulings_approved', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='vote',
            name='overruled_by_label',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='vote',
            name='part_digest',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='vote',
            name='reminded',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='vote',
            name='revision',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='vote',
            name='seat',
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AlterField(
            model_name='vote',
            name='choice',
            field=models.CharField(choices=[('go', 'go'), ('no_go', 'no_go'), ('needs_work', 'needs_work'), ('not_applicable', 'not_applicable'), ('abstain', 'abstain')], max_length=14),
        ),
        migrations.AddIndex(
            model_name='departure',
            index=models.Index(condition=models.Q(('decide_at__isnull', False)), fields=['decide_at'], name='departure_to_decide'),
        ),
        migrations.AddConstraint(
            model_name='requirement',
            constraint=models.UniqueConstraint(fields=('policy', 'role', 'slot'), name='requirement_once_a_slot'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.UniqueConstraint(condition=models.Q(('for_user__isnull', False), ('replaced_at__isnull', True)), fields=('departure', 'for_user'), name='vote_one_in_a_persons_place'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('choice__in', ['no_go', 'needs_work', 'not_applicable']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='vote_objection_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='vote',
            constraint=models.CheckConstraint(condition=models.Q(('overruled_by__isnull', True), ('overrule_asked_by__isnull', True), models.Q(('overruled_by', models.F('overrule_asked_by')), _negated=True), _connector='OR'), name='vote_overruled_by_a_second_person'),
        ),
        migrations.AddField(
            model_name='delegation',
            name='giver',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='delegations_given', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='delegation',
            name='taker',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='delegations_taken', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policyvote',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='policy_votes', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposal',
            name='policy',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='proposals', to='trains.policy'),
        ),
        migrations.AddField(
            model_name='proposal',
            name='proposed_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='proposals', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policyvote',
            name='proposal',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='votes', to='trains.proposal'),
        ),
        migrations.AddIndex(
            model_name='delegation',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['giver', 'ends_at'], name='delegation_standing'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='delegation_ends'),
        ),
        migrations.AddConstraint(
            model_name='delegation',
            constraint=models.CheckConstraint(condition=models.Q(('giver', models.F('taker')), _negated=True), name='delegation_to_somebody_else'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('policy',), name='proposal_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='policyvote',
            constraint=models.UniqueConstraint(condition=models.Q(('replaced_at__isnull', True)), fields=('proposal', 'user'), name='policy_vote_one_a_person'),
        ),
    ]
