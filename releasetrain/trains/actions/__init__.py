"""The verbs of trains: each one locks, asks the rules, saves and records, in one transaction."""

from releasetrain.trains.actions.applying import apply_settings
from releasetrain.trains.actions.blockers import (
    carry_blocker,
    clear_blocker,
    defer_blocker,
    look_at_error_rate,
    open_blocker,
    watch_error_rate,
)
from releasetrain.trains.actions.bundles import drop_need, gather, go_without, leave_bundle, say_need
from releasetrain.trains.actions.changes import Submitted, board, move, submit_change, withdraw
from releasetrain.trains.actions.checking_in import ask_to_check_in, check_in
from releasetrain.trains.actions.deciding import look_again
from releasetrain.trains.actions.decisions import Voted, vote
from releasetrain.trains.actions.delegating import delegate, end_delegation
from releasetrain.trains.actions.departing import arrive, cancel, depart, mark_rolled_back, place_returned
from releasetrain.trains.actions.drafts import expire_change, save_draft, warn_of_expiry
from releasetrain.trains.actions.evidence import Reported, report_evidence
from releasetrain.trains.actions.glasses import (
    break_glass,
    raise_overdue_glass,
    review_glass,
    say_afterwards,
)
from releasetrain.trains.actions.history import Imported, import_history
from releasetrain.trains.actions.holding import accept_hold, hold, recheck_hold, release
from releasetrain.trains.actions.hotfixes import Hotfix, attest, note_version, start_hotfix
from releasetrain.trains.actions.late import (
    ask_pass,
    extend_pass,
    grant_pass,
    lapse_pass,
    price_pass,
    refuse_pass,
    use_pass,
    withdraw_pass,
)
from releasetrain.trains.actions.onward import Placement
from releasetrain.trains.actions.overrides import (
    approve_override,
    raise_overdue_review,
    request_override,
    review_override,
    withdraw_override,
)
from releasetrain.trains.actions.overruling import agree_to_overrule, ask_to_overrule
from releasetrain.trains.actions.policies import (
    PolicyVoted,
    propose_policy,
    save_policy,
    vote_on_policy,
    withdraw_proposal,
)
from releasetrain.trains.actions.readiness import sample_readiness, tick_check, undo_check, waive_check
from releasetrain.trains.actions.readying import make_ready
from releasetrain.trains.actions.reopening import reopen_boarding
from releasetrain.trains.actions.sealing import open_boarding, seal
from releasetrain.trains.actions.standby import fill_up, reorder_stand_by, seat_left_standing
from releasetrain.trains.actions.steering import hand_over, move_deadline, postpone, restore, skip
from releasetrain.trains.actions.timetable import (
    create_train,
    materialise,
    retire_train,
    save_train,
)
from releasetrain.trains.actions.variants import choose_week, save_variant
from releasetrain.trains.actions.webhooks import Ingested, ingest_pull_request, ingest_webhook
from releasetrain.trains.actions.withdrawing import (
    TakenOff,
    accept_withdrawal,
    ask_to_withdraw,
    eject,
    refuse_withdrawal,
    take_back_withdrawal,
)
from releasetrain.trains.queries.settings import TrainSettings

__all__ = [
    "Hotfix",
    "Imported",
    "Ingested",
    "Placement",
    "PolicyVoted",
    "Reported",
    "Submitted",
    "TakenOff",
    "TrainSettings",
    "Voted",
    "accept_hold",
    "accept_withdrawal",
    "agree_to_overrule",
    "apply_settings",
    "approve_override",
    "arrive",
    "ask_pass",
    "ask_to_check_in",
    "ask_to_overrule",
    "ask_to_withdraw",
    "attest",
    "board",
    "break_glass",
    "cancel",
    "carry_blocker",
    "check_in",
    "choose_week",
    "clear_blocker",
    "create_train",
    "defer_blocker",
    "delegate",
    "depart",
    "drop_need",
    "eject",
    "end_delegation",
    "expire_change",
    "extend_pass",
    "fill_up",
    "gather",
    "go_without",
    "grant_pass",
    "hand_over",
    "hold",
    "import_history",
    "ingest_pull_request",
    "ingest_webhook",
    "lapse_pass",
    "leave_bundle",
    "look_again",
    "look_at_error_rate",
    "make_ready",
    "mark_rolled_back",
    "materialise",
    "move",
    "move_deadline",
    "note_version",
    "open_blocker",
    "open_boarding",
    "place_returned",
    "postpone",
    "price_pass",
    "propose_policy",
    "raise_overdue_glass",
    "raise_overdue_review",
    "recheck_hold",
    "refuse_pass",
    "refuse_withdrawal",
    "release",
    "reopen_boarding",
    "reorder_stand_by",
    "report_evidence",
    "request_override",
    "restore",
    "retire_train",
    "review_glass",
    "review_override",
    "sample_readiness",
    "save_draft",
    "save_policy",
    "save_train",
    "save_variant",
    "say_afterwards",
    "say_need",
    "seal",
    "seat_left_standing",
    "skip",
    "start_hotfix",
    "submit_change",
    "take_back_withdrawal",
    "tick_check",
    "undo_check",
    "use_pass",
    "vote",
    "vote_on_policy",
    "waive_check",
    "warn_of_expiry",
    "watch_error_rate",
    "withdraw",
    "withdraw_override",
    "withdraw_pass",
    "withdraw_proposal",
]
