"""Bring the record of past trains into the house, as departures that are over."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment, Service
from releasetrain.events.actions import SYSTEM, Actor, record
from releasetrain.lib.errors import Invalid
from releasetrain.trains.actions.locking import locked_train
from releasetrain.trains.models import Departure, Movement, Policy, Train
from releasetrain.trains.rules.history import (
    MOVEMENT_COLUMNS,
    TRAIN_COLUMNS,
    Facts,
    Flaw,
    PastMovement,
    PastTrain,
    Row,
    facts_of,
    read_movements,
    read_trains,
)
from releasetrain.trains.rules.states import MovementKind
from releasetrain.trains.rules.times import cut_off_before

TRAINS_FILE, MOVEMENTS_FILE = "wikimedia_trains.csv", "wikimedia_train_events.csv"
SOURCE = "wikimedia/operations-mediawiki-config"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import found and did; `alone` counts movements of versions that are none of the trains."""

    train: Train
    departures: int
    movements: int
    alone: int
    new_departures: int
    new_movements: int
    flaws: tuple[tuple[str, Flaw], ...]


def import_history(folder: Path, *, by: Actor | None, now: datetime) -> Imported:
    """Load the record in a folder; the same record again changes nothing.

    :raises Invalid: a file is missing or is not the table that it should be
    """
    trains, train_flaws = read_trains(_rows(folder / TRAINS_FILE, TRAIN_COLUMNS))
    movements, movement_flaws = read_movements(_rows(folder / MOVEMENTS_FILE, MOVEMENT_COLUMNS))
    by_version: dict[str, list[PastMovement]] = {}
    for one in movements:
        by_version.setdefault(one.version, []).append(one)
    known, undated = _dated(trains, by_version)
    flaws = [
        *((TRAINS_FILE, flaw) for flaw in [*train_flaws, *undated]),
        *((MOVEMENTS_FILE, flaw) for flaw in movement_flaws),
    ]
    return _save(known, movements, by_version, tuple(flaws), by, now)


def _rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """Read a table line by line.

    :raises Invalid: it cannot be read, or lacks a column
    """
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            reader = csv.DictReader(file)
            missing = [one for one in columns if one not in (reader.fieldnames or ())]
            if missing:
                raise Invalid(f"{path.name} lacks the column {missing[0]} in its first line.", field="path")
            for row in reader:
                yield reader.line_num, row
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}.", field="path") from error
    except csv.Error as error:
        raise Invalid(f"{path.name} is no table of comma-separated values: {error}.", field="path") from error


def _dated(
    trains: list[PastTrain], by_version: dict[str, list[PastMovement]]
) -> tuple[dict[str, Facts], list[Flaw]]:
    """Return what each train's movements say of it; one without any, or at another's instant, is a flaw."""
    found: dict[str, Facts] = {}
    flaws: list[Flaw] = []
    taken: dict[datetime, str] = {}
    for train in trains:
        if train.version not in by_version:
            flaws.append(Flaw(train.line, f"{train.version} has no movement, so nobody knows when it went."))
            continue
        facts = facts_of(by_version[train.version])
        other = taken.setdefault(facts.departed_at, train.version)
        if other != train.version:
            flaws.append(Flaw(train.line, f"{train.version} and {other} depart at the very same instant."))
            continue
        found[train.version] = facts
    return found, flaws


@transaction.atomic
def _save(
    known: dict[str, Facts],
    movements: list[PastMovement],
    by_version: dict[str, list[PastMovement]],
    flaws: tuple[tuple[str, Flaw], ...],
    by: Actor | None,
    now: datetime,
) -> Imported:
    train = locked_train(_past_train(movements, now).pk)
    before = {row.label: row for row in train.departures.filter(imported_from=SOURCE)}
    new = [_departure(train, version, facts) for version, facts in known.items() if version not in before]
    Departure.objects.bulk_create(new, batch_size=500)
    changed = [row for version, row in before.items() if version in known and _update(row, known[version])]
    Departure.objects.bulk_update(changed, [*Facts.__dataclass_fields__, *TIMES], batch_size=500)
    ids = {row.label: row.pk for row in [*before.values(), *new]}
    count = train.movements.count()
    rows = [_movement(train, ids.get(one.version), one) for one in movements]
    Movement.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)
    new_movements = train.movements.count() - count
    if new or changed or new_movements:
        record(
            kind="trains.history.imported",
            subject=train,
            actor=by or SYSTEM,
            now=now,
            departures=len(new),
            movements=new_movements,
            corrected=len(changed),
            source=SOURCE,
        )
    return Imported(
        train=train,
        departures=len(known),
        movements=len(movements),
        alone=sum(one.version not in ids for one in movements),
        new_departures=len(new),
        new_movements=new_movements,
        flaws=flaws,
    )


TIMES = ("planned_at", "boards_at", "cut_off_at", "departs_at")


def _departure(train: Train, version: str, facts: Facts) -> Departure:
    row = Departure(train=train, label=version, imported_from=SOURCE)
    _update(row, facts)
    return row


def _update(row: Departure, facts: Facts) -> bool:
    """Write the facts into a row; tell whether they differ from what it said.

    When it was meant to go is not on record: the planned times are the real one.
    """
    wanted = {
        "departed_at": facts.departed_at,
        "finished_at": facts.finished_at,
        "state": facts.state.value,
        "outcome": facts.outcome,
        **dict.fromkeys(TIMES, facts.departed_at),
    }
    differs = any(getattr(row, field) != value for field, value in wanted.items())
    for field, value in wanted.items():
        setattr(row, field, value)
    return differs


def _movement(train: Train, departure: int | None, one: PastMovement) -> Movement:
    is_rollback = one.kind is MovementKind.ROLLBACK
    return Movement(
        train=train,
        departure_id=departure,
        at=one.at,
        kind=one.kind.value,
        from_reach=one.from_reach,
        reach=one.reach,
        from_version=one.version if is_rollback else "",
        to_version="" if is_rollback else one.version,
        source=f"{SOURCE}@{one.commit}",
    )


def _past_train(movements: list[PastMovement], now: datetime) -> Train:
    """Return the train of the record, with a schedule that ended with it: nothing departs from here."""
    team, _ = Team.objects.get_or_create(
        slug="wikimedia-releng", defaults={"name": "Wikimedia Release Engineering"}
    )
    environment, _ = Environment.objects.get_or_create(
        slug="wikimedia", defaults={"name": "Wikimedia wikis", "order": 90}
    )
    service, _ = Service.objects.get_or_create(
        slug="mediawiki", defaults={"name": "MediaWiki", "team": team, "repository": "wikimedia/mediawiki"}
    )
    policy, _ = Policy.objects.get_or_create(
        name="Imported: no votes on record", defaults={"owner": team, "no_approval_needed": True}
    )
    last = max((one.at for one in movements), default=now)
    train, _ = Train.objects.get_or_create(
        slug="mediawiki",
        defaults={
            "name": "MediaWiki",
            "team": team,
            "environment": environment,
            "policy": policy,
            "time_zone": "UTC",
            "rule": f"FREQ=WEEKLY;BYDAY=TU;UNTIL={last:%Y%m%dT%H%M%SZ}",
            "first_departs_at_local": min((one.at for one in movements), default=now).strftime(
                "%Y-%m-%dT03:00"
            ),
            "cut_offs": cut_off_before(timedelta(hours=2)),
        },
    )
    train.services.add(service)
    return train
