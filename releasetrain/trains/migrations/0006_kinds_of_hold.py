"""Name what a departure may be held for, now that forecasts, check-ins and busy targets hold it too."""

from django.db import migrations, models

KINDS = ["person", "window", "late", "manifest", "target", "error", "forecast", "check_in", "busy"]


class Migration(migrations.Migration):
    dependencies = [("trains", "0005_cut_offs_only")]

    operations = [
        migrations.AlterField(
            model_name="departure",
            name="held_kind",
            field=models.CharField(blank=True, choices=[(kind, kind) for kind in KINDS], max_length=10),
        ),
    ]
