"""Trains, their departures, the changes aboard, and the votes that let them go."""

from releasetrain.trains.models.bundles import Need, Withdrawal
from releasetrain.trains.models.changes import Bundle, Change, WebhookDelivery
from releasetrain.trains.models.decisions import Delegation, Manifest, Override, Vote
from releasetrain.trains.models.departures import Departure, Movement
from releasetrain.trains.models.hotfixes import BreakGlass, Containment, LiveFix
from releasetrain.trains.models.ledger import LedgerEntry
from releasetrain.trains.models.policies import PolicyVote, Proposal
from releasetrain.trains.models.readiness import Blocker, Evidence, Mark, Stretch
from releasetrain.trains.models.requests import LatePass
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
    "Blocker",
    "BreakGlass",
    "Bundle",
    "CaptainSeat",
    "Change",
    "Containment",
    "Delegation",
    "Departure",
    "Evidence",
    "LatePass",
    "LedgerEntry",
    "LiveFix",
    "Manifest",
    "Mark",
    "Movement",
    "Need",
    "Override",
    "Policy",
    "PolicyVote",
    "Proposal",
    "Requirement",
    "Stretch",
    "Train",
    "Variant",
    "Vote",
    "WebhookDelivery",
    "Week",
    "Withdrawal",
]
