"""Windows are opened and ended by the right people, with a reason, and stay on record."""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions import AlreadyEnded, Scope
from releasetrain.calendars.models import Level, Window
from releasetrain.calendars.queries import verdict_for, why_not_move, windows_at
from releasetrain.events.models import Event
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.verdict import Decision
from tests import make

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def manager(**fields: Any) -> User:
    return User.objects.filter(name="Rob").first() or make.user("Rob", Role.RELEASE_MANAGER, **fields)


def open_window(**fields: Any) -> Window:
    known: dict[str, Any] = {
        "name": "Black Friday",
        "level": Level.HARD,
        "reason": "everybody shops",
        "starts_at": make.NOW,
        "ends_at": make.NOW + HOUR,
        "now": make.NOW,
    }
    known.setdefault("by", fields.pop("by", None) or manager())
    return actions.open_window(**{**known, **fields})


def test_an_open_window_stops_its_scope_until_its_end() -> None:
    window = open_window(scope=Scope(service=make.service()))
    found = verdict_for(make.service(), make.environment(), make.NOW)
    assert (found.decision, found.until) == (Decision.DENY, window.ends_at)
    assert verdict_for(make.service("Search"), make.environment(), make.NOW).is_allowed
    assert verdict_for(make.service(), make.environment(), window.ends_at).is_allowed
    assert Event.objects.get().kind == "calendars.window.opened"


def test_what_stops_longest_is_named() -> None:
    assert why_not_move(make.service(), make.environment(), make.NOW) is None
    open_window()
    open_window(name="Audit", ends_at=make.NOW + 3 * HOUR)
    open_window(name="Party", level=Level.NOTICE, ends_at=make.NOW + 9 * HOUR)
    reason = why_not_move(make.service(), make.environment(), make.NOW)
    assert reason
    assert "Audit" in reason.text


def test_a_notice_alone_stops_nothing() -> None:
    open_window(level=Level.NOTICE)
    assert why_not_move(make.service(), make.environment(), make.NOW) is None


def test_w3_a_window_ended_early_stops_nothing_and_stays_on_record() -> None:
    window = open_window()
    actions.end_window(window, reason="sold out", by=manager(), now=make.NOW + HOUR / 2)
    assert windows_at(make.NOW + HOUR / 2) == []
    assert len(windows_at(make.NOW)) == 1
    assert Window.objects.get().ended_early_at == make.NOW + HOUR / 2
    with pytest.raises(AlreadyEnded):
        actions.end_window(window, reason="again", by=manager(), now=make.NOW + HOUR / 2)


def test_a_window_taken_back_before_its_start_never_stops_anything() -> None:
    window = open_window(starts_at=make.NOW + HOUR, ends_at=make.NOW + 2 * HOUR)
    actions.end_window(window, reason="mistake", by=manager(), now=make.NOW)
    assert windows_at(make.NOW + HOUR) == []


def test_w12_the_line_is_stopped_at_once_and_ends_by_itself() -> None:
    olu = make.user("Olu", Role.ON_CALL)
    actions.stop_the_line(reason="checkout is down", until=make.NOW + HOUR, by=olu, now=make.NOW)
    found = verdict_for(make.service(), make.environment(), make.NOW)
    assert found.sentence() == "“Stop the line: everything” stops this: checkout is down."
    assert verdict_for(make.service(), make.environment(), make.NOW + HOUR).is_allowed
    assert Event.objects.get().kind == "calendars.line.stopped"


def test_w12_whoever_stopped_the_line_may_end_it() -> None:
    olu = make.user("Olu", Role.ON_CALL)
    stop = actions.stop_the_line(reason="down", until=make.NOW + HOUR, by=olu, now=make.NOW)
    assert actions.end_window(stop, reason="up again", by=olu, now=make.NOW).ended_early_at == make.NOW


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"reason": ""}, "reason"),
        ({"ends_at": make.NOW - HOUR}, "ends_at"),
        ({"ends_at": make.NOW + timedelta(days=20)}, "ends_at"),
    ],
)
def test_w10_a_window_typed_wrong_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        open_window(**fields)
    assert refused.value.field == field
    assert not Window.objects.exists()


def test_only_the_scopes_own_people_close_it() -> None:
    ours = make.user("Ours", Role.RELEASE_MANAGER, team=make.team())
    assert open_window(by=ours, scope=Scope(service=make.service())).pk
    assert open_window(by=ours, scope=Scope(team=make.team())).pk
    for scope in (Scope(), Scope(team=make.team("Payments")), Scope(environment=make.environment())):
        with pytest.raises(NotAllowed):
            open_window(by=ours, scope=scope)
    with pytest.raises(NotAllowed):
        open_window(by=make.user("Olu", Role.ON_CALL))
    with pytest.raises(NotAllowed):
        actions.stop_the_line(
            reason="x", until=make.NOW + HOUR, by=make.user("Sue", Role.SUBMITTER), now=make.NOW
        )
