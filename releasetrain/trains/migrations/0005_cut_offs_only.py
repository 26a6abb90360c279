from django.db import migrations


class Migration(migrations.Migration):
    """After deploy: a train's cut-offs stand in one place."""

    dependencies = [("trains", "0004_cut_offs_captains_overrides")]

    operations = [
        migrations.RemoveField(
            model_name='train',
            name='cut_off_lead',
        ),
    ]
