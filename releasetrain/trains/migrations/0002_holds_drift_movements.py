"""Say why a departure is held, keep what the code host has seen since, and let movements stand alone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

OWN_TRAIN = """
UPDATE trains_movement m SET train_id = d.train_id FROM trains_departure d WHERE d.id = m.departure_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("trains", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="change",
            name="latest_version",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AddField(
            model_name="change",
            name="submitted_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="submissions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="departure",
            name="acknowledged_windows",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="departure",
            name="failures",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="departure",
            name="held_by_label",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="departure",
            name="held_kind",
            field=models.CharField(
                blank=True,
                choices=[
                    ("person", "person"),
                    ("window", "window"),
                    ("late", "late"),
                    ("manifest", "manifest"),
                    ("target", "target"),
                    ("error", "error"),
                ],
                max_length=10,
            ),
        ),
        migrations.RemoveConstraint(model_name="movement", name="movement_once"),
        migrations.AddField(
            model_name="movement",
            name="from_reach",
            field=models.CharField(blank=True, max_length=100),
        ),
        migrations.AlterField(
            model_name="movement",
            name="departure",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="movements",
                to="trains.departure",
            ),
        ),
        migrations.AlterField(
            model_name="movement",
            name="kind",
            field=models.CharField(
                choices=[
                    ("promotion", "promotion"),
                    ("repetition", "repetition"),
                    ("rollback", "rollback"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="movement",
            name="train",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="movements",
                to="trains.train",
            ),
        ),
        migrations.RunSQL(OWN_TRAIN, migrations.RunSQL.noop),
        # Deferred key checks of the rows just written would stand in the way of the next ALTER TABLE.
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="movement",
            name="train",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="movements",
                to="trains.train",
            ),
        ),
        migrations.AddConstraint(
            model_name="movement",
            constraint=models.UniqueConstraint(
                fields=("train", "source", "kind", "reach", "from_version", "to_version"),
                name="movement_once",
            ),
        ),
    ]
