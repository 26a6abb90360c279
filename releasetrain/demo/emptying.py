"""Empty the demonstration's house completely, its append-only log included."""

import shutil
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction

from releasetrain.demo import kept
from releasetrain.demo.wire import NoAnswerError, Wire
from releasetrain.lib.errors import Refused

# Django's own tables that hold people's data; the rest of them describe the software.
OTHERS = frozenset({"sessions", "admin", "account"})
TIMEOUT_SECONDS = 1.0


class NotADemonstration(Refused):
    """Refuse to empty a house that somebody works in."""

    code = "not_a_demonstration"


class HouseIsOpen(Refused):
    """Refuse to empty a house while its processes stand on what would be taken away."""

    code = "house_is_open"


def empty(data: Path | None = None) -> None:
    """Take every row and secret of the demonstration away.

    :raises NotADemonstration: RELEASETRAIN_DEMO is off
    :raises HouseIsOpen: its pages answer, so its processes run
    """
    if not settings.DEMO:
        raise NotADemonstration(
            "This house is not a demonstration (RELEASETRAIN_DEMO is off), so nothing was deleted. Only "
            "“manage.py up --reset-demo” begins a demonstration afresh.",
            who="whoever runs this house",
        )
    _refuse_while_open()
    _truncate()
    place = data or settings.DATA_DIR
    shutil.rmtree(kept.folder(place), ignore_errors=True)
    # What the pages last served; they would go on serving it until they have read the new rows.
    shutil.rmtree(place / "flags", ignore_errors=True)


def _refuse_while_open() -> None:
    """Refuse while the pages answer: they, the worker and every browser hold numbers that begin again."""
    wire = Wire(settings.PUBLIC_URL, TIMEOUT_SECONDS)
    try:
        wire.ask("GET", "/healthz")
    except NoAnswerError:
        return
    finally:
        wire.close()
    raise HouseIsOpen(
        f"The house runs at {settings.PUBLIC_URL}. Stop it, then run “manage.py up --reset-demo”; nothing "
        "was deleted.",
        who="whoever runs this house",
    )


@transaction.atomic
def _truncate() -> None:
    names = ", ".join(connection.ops.quote_name(table) for table in tables())
    with connection.cursor() as cursor:
        # The one way in which the log lets itself be emptied; it holds for this transaction alone.
        cursor.execute("SET LOCAL releasetrain.may_empty_log = 'on'")
        cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")


def tables() -> list[str]:
    """Return the tables that hold what people and the house did."""
    models = [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("releasetrain.") or config.label in OTHERS
        for model in config.get_models(include_auto_created=True)
    ]
    return sorted({model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy})
