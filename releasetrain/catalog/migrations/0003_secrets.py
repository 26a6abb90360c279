"""Secrets that the configurations of drivers name."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_calendarlink_shift_duty_shiftseat'),
        ('catalog', '0002_region_service_category_environment_region'),
    ]

    operations = [
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.SlugField(help_text='what configurations call it', unique=True)),
                ('ciphertext', models.TextField()),
                ('changed_at', models.DateTimeField()),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='accounts.team')),
            ],
            options={
                'ordering': ['name'],
            },
        ),
    ]
