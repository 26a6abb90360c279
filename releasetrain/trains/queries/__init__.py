"""Reads that span tables; the names that other apps use."""

from releasetrain.trains.queries.decision import (
    Standing,
    reasons_of,
    standing_of,
    standings,
    tally_with,
)
from releasetrain.trains.queries.departures import (
    changes_of,
    changes_waiting,
    changes_with_service,
    departure_in_full,
    departures_with_train,
    ended,
    next_to_board,
    open_for_boarding,
    under_way,
)
from releasetrain.trains.queries.leaving import captain_words, runner_words
from releasetrain.trains.queries.papers import latest_manifests
from releasetrain.trains.queries.permissions import By
from releasetrain.trains.queries.seats import seat_holders
from releasetrain.trains.queries.terms import schedule_of
from releasetrain.trains.queries.timetable import moves, next_dates, plan_of, schedule_in_words
from releasetrain.trains.queries.verdicts import Action, verdict
from releasetrain.trains.queries.voting import seats_of

__all__ = [
    "Action",
    "By",
    "Standing",
    "captain_words",
    "changes_of",
    "changes_waiting",
    "changes_with_service",
    "departure_in_full",
    "departures_with_train",
    "ended",
    "latest_manifests",
    "moves",
    "next_dates",
    "next_to_board",
    "open_for_boarding",
    "plan_of",
    "reasons_of",
    "runner_words",
    "schedule_in_words",
    "schedule_of",
    "seat_holders",
    "seats_of",
    "standing_of",
    "standings",
    "tally_with",
    "under_way",
    "verdict",
]
