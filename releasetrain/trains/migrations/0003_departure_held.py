"""Find held departures without reading all of history, once a second."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trains", "0002_holds_drift_movements")]

    operations = [
        migrations.AddIndex(
            model_name="departure",
            index=models.Index(
                condition=models.Q(("held_at__isnull", False)),
                fields=["held_until"],
                name="departure_held",
            ),
        ),
    ]
