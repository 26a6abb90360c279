"""Note that an overdue review was raised, so that it is raised once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trains", "0006_kinds_of_hold")]

    operations = [
        migrations.AddField(
            model_name="override",
            name="overdue_told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
