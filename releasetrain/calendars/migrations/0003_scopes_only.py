from django.db import migrations


class Migration(migrations.Migration):
    """After deploy: what a window covers stands in its scopes."""

    dependencies = [("calendars", "0002_times_scopes_feeds_holidays")]

    operations = [
        migrations.RemoveField(
            model_name='window',
            name='environment',
        ),
        migrations.RemoveField(
            model_name='window',
            name='service',
        ),
        migrations.RemoveField(
            model_name='window',
            name='team',
        ),
    ]
