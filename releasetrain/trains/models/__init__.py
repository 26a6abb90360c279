"""Trains, their departures, the changes aboard, and the votes that let them go."""

from releasetrain.trains.models.bundles import Need, Withdrawal
from releasetrain.trains.models.changes import Bundle, Change, WebhookDelivery
from releasetrain.trains.models.decisions import Manifest, Override, Vote
from releasetrain.trains.models.departures import Departure, Movement
from releasetrain.trains.models.schedules import (
    TRAIN_LANES,
    CaptainSeat,
    Policy,
    Requirement,
    Train,
    Variant,
    Week,
)

__all__ = [
    "TRAIN_LANES",
    "Bundle",
    "CaptainSeat",
    "Change",
    "Departure",
    "Manifest",
    "Movement",
    "Need",
    "Override",
    "Policy",
    "Requirement",
    "Train",
    "Variant",
    "Vote",
    "WebhookDelivery",
    "Week",
    "Withdrawal",
]
