"""Steering says what it would do and who is told before it is pressed, and refuses in a sentence."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.lib import clock
from releasetrain.trains.models import Change, Departure, Override
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
WEEKEND = timedelta(hours=60)


@pytest.fixture
def max_() -> User:
    return make.user("Max", Role.RELEASE_MANAGER)


@pytest.fixture
def browser(sign_in: SignIn, max_: User) -> Client:
    """Sign a release manager in."""
    return sign_in(person=max_)


def boarding(**fields: Any) -> Departure:
    """Make a departure at 15:00 Berlin with a change of Ada's aboard."""
    departure = make.departure(**{"cut_offs": {"": (make.NOW + timedelta(hours=1)).isoformat()}, **fields})
    world.aboard(departure)
    return departure


def frozen(departure: Departure, after: timedelta = timedelta(minutes=25)) -> Window:
    """Open a window while the departure climbs."""
    start = departure.departs_at + after
    return make.window(name="Weekend", reason="nobody is in", starts_at=start, ends_at=start + WEEKEND)


def test_postponing_says_what_it_does_and_who_is_told_before_it_is_pressed(browser: Client) -> None:
    departure = boarding()
    path = f"/departures/{departure.pk}/postpone/"
    opened = text_of(browser.get(path))
    assert "On the train’s clocks, Berlin." in opened
    assert 'value="2026-11-23T15:00"' in opened
    page = text_of(browser.get(f"{path}?to=2026-11-24T09:00", headers=HTMX))
    assert "It goes from Mon 23 Nov, 15:00 to Tue 24 Nov, 09:00 Berlin (UTC+1)." in page
    assert "1 change of Ada stays aboard." in page
    assert "Told at once: Ada" in page
    departure.refresh_from_db()
    assert departure.departs_at == make.NOW + timedelta(hours=2)


def test_what_was_shown_is_then_done_in_the_panel_without_a_new_page(browser: Client) -> None:
    departure = boarding()
    answer = browser.post(
        f"/departures/{departure.pk}/postpone/",
        {"to": "2026-11-24T09:00", "reason": "the cache is cold"},
        headers=HTMX,
    )
    assert answer.status_code == 200
    assert answer.content.decode().count(f'id="departure-{departure.pk}-steer"') == 1
    assert json.loads(answer["HX-Trigger"])["toast"]["text"] == f"{departure.code} goes at another time."
    departure.refresh_from_db()
    assert departure.departs_at == datetime(2026, 11, 24, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"to": "2026-11-24T09:00", "reason": ""}, "This field is required"),
        ({"to": "", "reason": "still here"}, "This field is required"),
        ({"to": "2026-11-23T09:00", "reason": "still here"}, "has passed"),
    ],
)
def test_a_refused_postponement_keeps_what_was_typed(
    browser: Client, fields: dict[str, str], sentence: str
) -> None:
    departure = boarding()
    answer = browser.post(f"/departures/{departure.pk}/postpone/", fields, headers=HTMX)
    page = text_of(answer)
    assert answer.status_code == 422
    assert sentence in page
    assert fields["to"] in page and fields["reason"] in page


def test_t2_a_time_that_the_clocks_leave_out_is_said_before_it_is_pressed(browser: Client) -> None:
    departure = boarding()
    page = text_of(browser.get(f"/departures/{departure.pk}/postpone/?to=2027-03-28T02:30"))
    assert "02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin" in page


@pytest.mark.parametrize("verb", ["postpone", "hold", "move", "hand-over", "override", "skip", "cancel"])
def test_every_way_to_steer_is_a_page_too_and_off_for_whom_it_is_not(
    browser: Client, sign_in: SignIn, verb: str
) -> None:
    departure = boarding()
    path = f"/departures/{departure.pk}/{verb}/"
    assert "<html" in text_of(browser.get(path))
    assert "<html" not in text_of(browser.get(path, headers=HTMX))
    viewer = sign_in(Role.VIEWER)
    page = text_of(viewer.get(path))
    assert 'aria-disabled="true"' in page
    assert "one needs the role" in page and "An administrator" in page
    fields = {"reason": "x", "note": "x", "to": "2026-11-24T09:00", "what": "cut_off:", "captain": 1}
    assert viewer.post(path, fields).status_code in {403, 422}
    departure.refresh_from_db()
    assert (departure.state, departure.moved, departure.held_at) == ("boarding", {}, None)


def test_the_panel_offers_what_one_may_do_and_says_why_not_the_rest(browser: Client, sign_in: SignIn) -> None:
    departure = world.sealed(boarding())
    page = text_of(browser.get(f"/departures/{departure.pk}/steer/"))
    assert f'href="/departures/{departure.pk}/postpone/"' in page
    assert "cancel it instead" in page  # why it is not skipped
    viewer = text_of(sign_in(Role.VIEWER).get(f"/departures/{departure.pk}/steer/"))
    assert "btn" not in viewer
    assert "hidden" in viewer


def test_a_date_is_skipped_with_its_changes_placed_and_restored(browser: Client) -> None:
    departure = boarding()
    page = text_of(browser.get(f"/departures/{departure.pk}/skip/"))
    assert "1 change of Ada" in page and "Told at once: Ada" in page
    assert browser.post(f"/departures/{departure.pk}/skip/", {"reason": "holiday"}).status_code == 302
    departure.refresh_from_db()
    assert departure.state == "skipped"
    assert "Restore" in text_of(browser.get(f"/departures/{departure.pk}/"))
    assert browser.post(f"/departures/{departure.pk}/restore/", {"reason": "after all"}).status_code == 302
    departure.refresh_from_db()
    assert departure.state == "boarding"


def test_a_hold_has_an_end_on_the_clocks_of_the_train(browser: Client) -> None:
    departure = boarding()
    path = f"/departures/{departure.pk}/hold/"
    page = text_of(browser.get(f"{path}?until=2026-11-23T18:00"))
    assert "3 h later" in page
    browser.post(path, {"until": "2026-11-23T18:00", "reason": "legal"})
    departure.refresh_from_db()
    assert departure.held_until == make.NOW + timedelta(hours=5)


def test_one_deadline_is_moved_and_shown_as_moved(browser: Client) -> None:
    departure = boarding(milestones=[{"name": "Texts in", "at": (make.NOW + timedelta(hours=1)).isoformat()}])
    path = f"/departures/{departure.pk}/move/"
    page = text_of(browser.get(f"{path}?what=milestone:Texts+in&to=2026-11-23T14:30"))
    assert "Texts in moves from Mon 23 Nov, 14:00 to Mon 23 Nov, 14:30" in page
    fields = {"what": "milestone:Texts in", "to": "2026-11-23T14:30", "reason": "the agency is late"}
    assert browser.post(path, fields).status_code == 302
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Moved by Max: the agency is late" in page
    assert "14:30" in page


def test_a_departure_is_handed_over_with_a_note(browser: Client) -> None:
    departure, bo = boarding(), make.user("Bo", Role.RELEASE_MANAGER)
    fields = {"captain": bo.pk, "deputy": "", "note": "Watch the lock."}
    assert browser.post(f"/departures/{departure.pk}/hand-over/", fields).status_code == 302
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Captain: Bo" in page and "Watch the lock." in page


def test_w4_a_hold_that_is_foreseen_is_accepted_by_whoever_runs_it(browser: Client, sign_in: SignIn) -> None:
    departure = boarding()
    frozen(departure)
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Will be held at 10 %" in page
    assert "Accept the hold" in page
    viewer = sign_in(Role.VIEWER)
    assert "Accept the hold" not in text_of(viewer.get(f"/departures/{departure.pk}/"))
    assert viewer.post(f"/departures/{departure.pk}/accept-hold/").status_code == 403
    assert browser.post(f"/departures/{departure.pk}/accept-hold/").status_code == 302
    departure.refresh_from_db()
    assert departure.accepted_hold["by"] == "Max"
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Accepted by Max" in page
    assert browser.post(f"/departures/{departure.pk}/accept-hold/").status_code in {302, 409}


def test_w4_another_time_is_one_press_with_what_it_does_beside_it(browser: Client) -> None:
    departure = boarding()
    window = frozen(departure)
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    monday = window.ends_at
    assert monday is not None
    assert "Go Thu 26 Nov, 03:25" in page
    assert "It goes from Mon 23 Nov, 15:00 to Thu 26 Nov, 03:25" in page
    form = page.split(f'action="/departures/{departure.pk}/postpone/"')[1].split("</form>")[0]
    sent = {part.split('"')[0]: part.split('value="')[1].split('"')[0] for part in form.split('name="')[1:]}
    assert browser.post(f"/departures/{departure.pk}/postpone/", sent).status_code == 302
    departure.refresh_from_db()
    assert departure.departs_at == monday


def test_an_author_checks_in_from_the_page_of_the_departure(sign_in: SignIn) -> None:
    departure = boarding()
    departure.train.check_in_lead = timedelta(hours=6)
    departure.train.save(update_fields=["check_in_lead"])
    change = Change.objects.get()
    ada = sign_in(person=User.objects.get(name="Ada"))
    page = text_of(ada.get(f"/departures/{departure.pk}/"))
    assert "Check in for “Show prices with tax”" in page
    assert "Ada has not checked in yet" in page or "not checked in" in page
    assert ada.post(f"/changes/{change.pk}/check-in/").status_code == 302
    page = text_of(ada.get(f"/departures/{departure.pk}/"))
    assert "Checked in by Ada" in page
    assert sign_in(Role.VIEWER).post(f"/changes/{change.pk}/check-in/").status_code == 403


def asked(browser: Client, departure: Departure, window: Window) -> Override:
    answer = browser.post(
        f"/departures/{departure.pk}/override/",
        {
            "windows": [window.pk],
            "services": [make.service().pk],
            "expires_at": "2026-11-24T09:00",
            "reason": "The tax change is law from midnight on.",
        },
    )
    assert answer.status_code == 302, text_of(answer)
    return Override.objects.get()


def test_w7_an_override_names_everything_and_needs_a_second_person(browser: Client, sign_in: SignIn) -> None:
    departure = boarding()
    window = frozen(departure, timedelta(0))
    page = text_of(browser.get(f"/departures/{departure.pk}/override/"))
    assert "Weekend (hard): nobody is in" in page
    override = asked(browser, departure, window)
    path = f"/departures/{departure.pk}/overrides/{override.pk}/"
    own = text_of(browser.get(path))
    assert "You asked for this override; somebody else must approve it." in own
    assert browser.post(f"{path}approve/").status_code == 409
    second = sign_in(person=make.user("Maya", Role.RELEASE_MANAGER))
    assert "Read the override that waits for you" in text_of(second.get(f"/departures/{departure.pk}/"))
    assert second.post(f"{path}approve/").status_code == 302
    override.refresh_from_db()
    assert override.approved_by_label == "Maya"
    assert "Granted" in text_of(browser.get(f"/departures/{departure.pk}/"))


def test_w7_an_override_is_taken_back_with_a_reason_or_reviewed(
    browser: Client, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = boarding()
    override = asked(browser, departure, frozen(departure, timedelta(0)))
    path = f"/departures/{departure.pk}/overrides/{override.pk}/"
    second = sign_in(person=make.user("Maya", Role.RELEASE_MANAGER))
    second.post(f"{path}approve/")
    refused = second.post(f"{path}review/", {"review": ""})
    assert refused.status_code == 422
    assert second.post(f"{path}review/", {"review": "It was law."}).status_code == 302
    assert "It was law." in text_of(second.get(path))
    assert browser.post(f"{path}withdraw/", {"reason": ""}).status_code == 422
    assert browser.post(f"{path}withdraw/", {"reason": "not needed"}).status_code == 302
    assert "not needed" in text_of(browser.get(path))
    assert browser.get(f"/departures/{departure.pk}/overrides/999/").status_code == 404


def test_a_departures_page_asks_as_much_for_three_changes_as_for_one(browser: Client) -> None:
    departure = boarding()
    frozen(departure)
    path = f"/departures/{departure.pk}/"
    counts = []
    for more in (0, 2):
        for _ in range(more):
            world.aboard(departure)
        browser.get(path)
        with CaptureQueriesContext(connection) as sent:
            assert browser.get(path).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_parts_are_drawn_alone_for_the_clock(browser: Client) -> None:
    departure = boarding()
    for name in ("summary", "forecast"):
        drawn = text_of(browser.get(f"/departures/{departure.pk}/part/{name}/"))
        assert drawn.startswith("<section") and f"departure-{departure.pk}-{name}" in drawn
    assert browser.get(f"/departures/{departure.pk}/part/secrets/").status_code == 404


def test_where_is_my_change_says_when_and_why_it_waits(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = boarding()
    frozen(departure, timedelta(0))
    change = Change.objects.get()
    page = text_of(browser.get(f"/changes/{change.pk}/"))
    assert "Where is my change?" in page
    assert "half of the time" in page and "In nine cases of ten" in page
    assert "Weekend" in page
    assert clock.now() == make.NOW


@pytest.mark.parametrize("state", ["submitted", "withdrawn", "shipped", "returned"])
def test_a_change_that_is_nowhere_says_so(browser: Client, state: str) -> None:
    change = make.change(state=state)
    assert browser.get(f"/changes/{change.pk}/").status_code == 200
