"""Number and hash-chain events as they are committed, and refuse every change to them.

The link is written by a deferred trigger: positions follow commit order without a gap, and the lock that
orders them is the last one that a transaction takes.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION events_payload(e events_event) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_array(
        e.id, e.kind, extract(epoch FROM e.at), e.actor_id, e.actor_label,
        e.subject_kind, e.subject_id, e.subject_label, e.topics, e.data
    )::text
$$;

CREATE FUNCTION events_link() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
    last_hash text;
    payload text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('events_eventlink'));
    SELECT position, hash INTO last_position, last_hash
        FROM events_eventlink ORDER BY position DESC LIMIT 1;
    last_position := coalesce(last_position, 0) + 1;
    last_hash := coalesce(last_hash, repeat('0', 64));
    SELECT events_payload(e) INTO payload FROM events_event e WHERE e.id = NEW.id;
    INSERT INTO events_eventlink (position, event_id, previous_hash, hash) VALUES (
        last_position, NEW.id, last_hash,
        encode(sha256(convert_to(last_hash || '|' || last_position || '|' || payload, 'UTF8')), 'hex')
    );
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER events_link AFTER INSERT ON events_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION events_link();

CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' AND current_setting('releasetrain.may_empty_log', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The audit log is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events_event
    FOR EACH ROW EXECUTE FUNCTION events_refuse();
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events_eventlink
    FOR EACH ROW EXECUTE FUNCTION events_refuse();
CREATE TRIGGER events_not_emptied BEFORE TRUNCATE ON events_event
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse();
CREATE TRIGGER events_not_emptied BEFORE TRUNCATE ON events_eventlink
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse();
"""

BACKWARD = """
DROP TRIGGER events_not_emptied ON events_eventlink;
DROP TRIGGER events_not_emptied ON events_event;
DROP TRIGGER events_append_only ON events_eventlink;
DROP TRIGGER events_append_only ON events_event;
DROP FUNCTION events_refuse();
DROP TRIGGER events_link ON events_event;
DROP FUNCTION events_link();
DROP FUNCTION events_payload(events_event);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
