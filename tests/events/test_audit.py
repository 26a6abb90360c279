"""Anyone can check that the log is what was written."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from releasetrain.events.actions import record
from releasetrain.events.audit import flaws
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def write_three() -> None:
    for name in ("Ada", "Grace", "Ünsal"):
        record(kind="accounts.person.joined", subject=make.user(name), actor=None, now=make.NOW)


def tamper(statement: str) -> None:
    """Change the log the way an intruder with the database's own rights would."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = DEFAULT")


def test_an_untouched_log_holds() -> None:
    write_three()
    assert list(flaws()) == []
    call_command("verify_audit", verbosity=0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events_event SET actor_label = 'nobody' WHERE id = (SELECT min(id) FROM events_event)",
        "UPDATE events_event SET data = '{\"a\": 1}' WHERE id = (SELECT max(id) FROM events_event)",
        "DELETE FROM events_eventlink WHERE position = 2",
        "UPDATE events_eventlink SET hash = repeat('a', 64) WHERE position = 2",
    ],
)
def test_a_changed_log_is_found_out(statement: str) -> None:
    write_three()
    tamper(statement)
    assert list(flaws())
    with pytest.raises(CommandError, match="does not hold"):
        call_command("verify_audit")
