"""What a new version does while another one is on its way."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trains', '0015_expiry_told_at'),
    ]

    operations = [
        migrations.AddField(
            model_name='train',
            name='on_new_version',
            field=models.CharField(choices=[('queue', 'waits until that has ended'), ('supersede', 'takes its place: that goes back first'), ('reject', 'does not start, and its departure ends')], db_default='queue', default='queue', max_length=10),
        ),
    ]
