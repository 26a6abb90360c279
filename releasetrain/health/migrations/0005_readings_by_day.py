import django.db.models.deletion
from django.db import migrations, models

# What was kept so far becomes the partition for all days that have none of their own. Ids go on from where
# they were, because watermarks point at them.
BY_DAY = """
ALTER TABLE health_reading RENAME TO health_reading_rest;
ALTER TABLE health_reading_rest DROP CONSTRAINT health_reading_pkey;
DROP INDEX health_reading_target_id_63ea1df1;
ALTER INDEX reading_counted_once RENAME TO reading_rest_counted_once;
ALTER INDEX reading_watermark RENAME TO reading_rest_watermark;
ALTER INDEX reading_freshness RENAME TO reading_rest_freshness;
ALTER INDEX reading_retention RENAME TO reading_rest_retention;

CREATE SEQUENCE health_reading_ids AS bigint;
SELECT setval('health_reading_ids', last_value, is_called) FROM health_reading_id_seq;
ALTER TABLE health_reading_rest ALTER COLUMN id DROP IDENTITY;

CREATE TABLE health_reading (LIKE health_reading_rest INCLUDING CONSTRAINTS INCLUDING DEFAULTS)
    PARTITION BY RANGE (starts_at);
ALTER TABLE health_reading ALTER COLUMN id SET DEFAULT nextval('health_reading_ids');
ALTER SEQUENCE health_reading_ids OWNED BY health_reading.id;
ALTER TABLE health_reading
    ADD CONSTRAINT reading_identity PRIMARY KEY (id, starts_at),
    ADD CONSTRAINT reading_counted_once UNIQUE (target_id, metric, starts_at, arm, source),
    ADD CONSTRAINT reading_target FOREIGN KEY (target_id) REFERENCES catalog_target (id)
        DEFERRABLE INITIALLY DEFERRED;
CREATE INDEX reading_watermark ON health_reading (target_id, id);
CREATE INDEX reading_freshness ON health_reading (target_id, ends_at);
CREATE INDEX reading_retention ON health_reading USING brin (received_at);
ALTER TABLE health_reading ATTACH PARTITION health_reading_rest DEFAULT;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0002_region_service_category_environment_region'),
        ('health', '0004_metric_sources'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(BY_DAY, migrations.RunSQL.noop)],
            state_operations=[
                migrations.AlterField(
                    model_name='reading',
                    name='target',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='catalog.target'),
                ),
            ],
        ),
    ]
