"""Note that everybody aboard was asked to check in, so that they are asked once."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trains", "0007_override_overdue_told_at")]

    operations = [
        migrations.AddField(
            model_name="departure",
            name="check_in_asked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
