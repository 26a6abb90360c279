"""The verbs of people: each one locks, asks the rules, saves and records, in one transaction."""

from releasetrain.accounts.actions.calendars import renew_calendar_link
from releasetrain.accounts.actions.people import (
    LINK_LIFETIME,
    LinkSpent,
    StillNeeded,
    add_person,
    check_losses,
    grant,
    guard,
    issue_token,
    losses,
    make_sign_in_link,
    revoke,
    revoke_token,
    use_sign_in_link,
)
from releasetrain.accounts.actions.rota import (
    FromAFeed,
    drop_fed_shifts,
    materialise_duties,
    put_fed_shift,
    remove_shift,
    save_shift,
)

__all__ = [
    "LINK_LIFETIME",
    "FromAFeed",
    "LinkSpent",
    "StillNeeded",
    "add_person",
    "check_losses",
    "drop_fed_shifts",
    "grant",
    "guard",
    "issue_token",
    "losses",
    "make_sign_in_link",
    "materialise_duties",
    "put_fed_shift",
    "remove_shift",
    "renew_calendar_link",
    "revoke",
    "revoke_token",
    "save_shift",
    "use_sign_in_link",
]
