"""A window is rehearsed before it is saved, and whoever ends it reads first what that does."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.calendars.actions import open_window, save_window
from releasetrain.calendars.models import Holidays, Window
from releasetrain.calendars.queries import WindowSettings
from releasetrain.calendars.rules.windows import Lane
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
NEW = "/calendar/windows/new/"
HTMX = {"HX-Request": "true"}


def typed(**fields: Any) -> dict[str, Any]:
    """Fill the form in as its page does for a freeze over a weekend."""
    return {
        "name": "Weekend freeze",
        "reason": "Nobody is in.",
        "effect": "deny",
        "level": "hard",
        "behaviour": "hold",
        "time_zone": "Europe/Berlin",
        "starts_local": "2026-11-27T18:00",
        "ends_local": "2026-11-30T06:00",
        "day_mode": "zone",
        "repeats": "",
        "places-TOTAL_FORMS": "1",
        "places-INITIAL_FORMS": "0",
        **fields,
    }


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def rehearsed(browser: Client, fields: dict[str, Any], path: str = NEW) -> str:
    """Rehearse, and return what the page says about it."""
    answer = browser.post(path, {**fields, "rehearse": "1"}, headers=HTMX)
    assert answer.status_code == 200, text_of(answer)
    return text_of(answer)


def save(browser: Client, fields: dict[str, Any], path: str = NEW) -> Any:
    """Rehearse and save what was rehearsed."""
    found = re.search(r'name="rehearsed" value="(\w+)"', rehearsed(browser, fields, path))
    assert found
    return browser.post(path, {**fields, "save": "1", "rehearsed": found[1]})


def opened(**fields: Any) -> Window:
    """Open a window that comes again every weekend."""
    defaults: dict[str, Any] = {
        "name": "Weekend freeze",
        "reason": "Nobody is in.",
        "starts_local": "2026-11-27T18:00",
        "ends_local": "2026-11-30T06:00",
        "time_zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY",
    }
    settings = WindowSettings(**{**defaults, **fields})
    return open_window(settings, by=make.user("", Role.RELEASE_MANAGER), now=make.NOW, is_confirmed=True)


@pytest.mark.parametrize("path", [NEW, "/calendar/windows/1/", "/calendar/windows/1/edit/"])
def test_strangers_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


def test_a_viewer_reads_who_could_open_one(sign_in: SignIn) -> None:
    answer = sign_in(Role.VIEWER).get(NEW)
    assert answer.status_code == 403
    assert "To open a window one needs the role release manager or administrator" in text_of(answer)


@pytest.mark.parametrize("path", ["/calendar/windows/9/", "/calendar/windows/9/edit/"])
def test_what_is_not_there_is_a_404_with_a_sentence(sign_in: SignIn, path: str) -> None:
    answer = sign_in(Role.RELEASE_MANAGER).get(path)
    assert answer.status_code == 404
    assert "There is no window 9." in text_of(answer)


# rehearsing and saving --------------------------------------------------------------------------------------


def test_w10_saving_shows_the_rehearsal_first(sign_in: SignIn) -> None:
    departure = make.departure(
        departs_at=datetime(2026, 11, 28, 9, tzinfo=UTC), cut_off_at=datetime(2026, 11, 28, 8, tzinfo=UTC)
    )
    answer = sign_in(Role.RELEASE_MANAGER).post(NEW, typed(save="1"))
    text = text_of(answer)
    assert answer.status_code == 200
    assert "Nothing is saved yet. Read this, then save." in text
    assert departure.code in text
    assert "Save, and stop 1 departure" in text
    assert not Window.objects.exists()


def test_w10_what_was_rehearsed_is_saved_by_the_next_press(sign_in: SignIn) -> None:
    answer = save(sign_in(Role.RELEASE_MANAGER), typed())
    window = Window.objects.get()
    assert answer["Location"] == f"/calendar/windows/{window.pk}/"
    assert (window.starts_local, window.ends_local) == ("2026-11-27T18:00:00", "2026-11-30T06:00:00")
    assert window.starts_at == datetime(2026, 11, 27, 17, tzinfo=UTC)


def test_w10_what_was_changed_after_its_rehearsal_is_rehearsed_again(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    found = re.search(r'name="rehearsed" value="(\w+)"', rehearsed(browser, typed()))
    assert found
    later = typed(ends_local="2026-12-01T06:00", save="1", rehearsed=found[1])
    assert "Nothing is saved yet" in text_of(browser.post(NEW, later))
    assert not Window.objects.exists()


def test_w10_a_rehearsal_says_the_length_and_that_nothing_is_hit(sign_in: SignIn) -> None:
    text = rehearsed(sign_in(Role.RELEASE_MANAGER), typed())
    assert "60 h" in text
    assert "no departure" in text


def test_w10_an_end_before_the_start_stands_at_its_field(sign_in: SignIn) -> None:
    answer = sign_in(Role.RELEASE_MANAGER).post(NEW, typed(ends_local="2026-11-26T06:00", rehearse="1"))
    text = text_of(answer)
    assert answer.status_code == 422
    assert "The window ends before it starts" in text
    assert 'value="2026-11-26T06:00"' in text
    assert 'aria-invalid="true"' in text


def test_w10_more_than_a_fortnight_has_to_be_confirmed(sign_in: SignIn) -> None:
    browser, long = sign_in(Role.RELEASE_MANAGER), typed(ends_local="2026-12-30T06:00")
    assert "The window lasts 32 d 12 h" in rehearsed(browser, long)
    refused = save(browser, long)
    assert refused.status_code == 422
    assert "Confirm it, or put it right." in text_of(refused)
    assert not Window.objects.exists()
    assert save(browser, {**long, "is_confirmed": "on"}).status_code == 302


def test_w10_a_proposed_slot_is_taken_by_one_press(sign_in: SignIn) -> None:
    slot = "2026-12-04T17:00:00+00:00/2026-12-07T05:00:00+00:00"
    text = text_of(sign_in(Role.RELEASE_MANAGER).post(NEW, typed(take=slot), headers=HTMX))
    assert 'value="2026-12-04T18:00"' in text
    assert 'value="2026-12-07T06:00"' in text
    assert "window-rehearsal" in text


def test_a_proposed_slot_of_whole_days_keeps_its_last_day(sign_in: SignIn) -> None:
    slot = "2026-12-04T23:00:00+00:00/2026-12-06T23:00:00+00:00"
    days = typed(is_all_day="on", first_day="2026-11-28", last_day="2026-11-29", take=slot)
    text = text_of(sign_in(Role.RELEASE_MANAGER).post(NEW, days, headers=HTMX))
    assert 'value="2026-12-05"' in text
    assert 'value="2026-12-06"' in text


@pytest.mark.parametrize("slot", ["", "soon", "2026-12-04T17:00:00+00:00", "a/b"])
def test_a_slot_that_is_none_changes_nothing(sign_in: SignIn, slot: str) -> None:
    text = text_of(sign_in(Role.RELEASE_MANAGER).post(NEW, typed(take=slot)))
    assert 'value="2026-11-27T18:00"' in text


def test_t5_a_window_over_the_clock_change_is_an_hour_longer(sign_in: SignIn) -> None:
    autumn = typed(starts_local="2027-10-29T18:00", ends_local="2027-11-01T06:00")
    assert "61 h" in rehearsed(sign_in(Role.RELEASE_MANAGER), autumn)


def test_t7_each_regions_own_day_shows_the_union_in_hours(sign_in: SignIn) -> None:
    make.region("Europe", "Europe/Berlin")
    make.region("America", "America/New_York")
    days = typed(is_all_day="on", first_day="2026-11-27", last_day="2026-11-27", day_mode="regions")
    text = rehearsed(sign_in(Role.RELEASE_MANAGER), days)
    assert "All regions together" in text
    assert "30 h" in text
    assert "America: " in text


def test_t2_the_form_says_that_a_time_does_not_exist(sign_in: SignIn) -> None:
    spring = typed(starts_local="2027-03-28T02:30", ends_local="2027-03-28T06:00")
    assert "02:30 does not exist on Sun 28 Mar 2027" in rehearsed(sign_in(Role.RELEASE_MANAGER), spring)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"starts_local": ""}, "Say when it starts."),
        ({"is_all_day": "on", "first_day": "2026-11-27"}, "Say when it ends."),
        ({"repeats": "holidays"}, "Choose whose holidays it lies on."),
        ({"repeats": "rule"}, "Write the rule, or choose one of the others."),
        ({"repeats": "rule", "rule": "EVERY FRIDAY"}, "Rule"),
        ({"name": ""}, "This field is required."),
        ({"places-0-team": "999"}, "Choose again which parts of the house it covers."),
    ],
)
def test_mistakes_stand_at_their_field_and_nothing_typed_is_lost(
    sign_in: SignIn, fields: dict[str, str], sentence: str
) -> None:
    answer = sign_in(Role.RELEASE_MANAGER).post(NEW, typed(rehearse="1", **fields))
    text = text_of(answer)
    assert answer.status_code == 422
    assert sentence in text
    assert "Nobody is in." in text
    assert "Nothing was saved yet." in text


def test_every_choice_reaches_the_window(sign_in: SignIn) -> None:
    holidays = Holidays.objects.create(name="Berlin", country="DE", subdivision="BE")
    region = make.region()
    places = {
        "places-TOTAL_FORMS": "3",
        "places-0-team": make.team().pk,
        "places-0-region": region.pk,
        "places-2-service": make.service().pk,
        "places-2-is_exclusion": "out",
    }
    how = {"effect": "allow", "level": "soft", "behaviour": "roll_back", "capacity": "5"}
    fields = typed(repeats="holidays", holidays=holidays.pk, lanes=["train", "hotfix"], **how, **places)
    save(sign_in(Role.RELEASE_MANAGER), fields)
    settings = WindowSettings.of(Window.objects.get())
    assert (settings.effect, settings.level, settings.behaviour) == ("allow", "soft", "roll_back")
    assert settings.lanes == frozenset({Lane.TRAIN, Lane.HOTFIX})
    assert settings.capacity == 5
    assert (settings.holidays, settings.rule) == (holidays, "")
    assert [str(one) for one in settings.includes] == ["Storefront in Europe"]
    assert [str(one) for one in settings.excludes] == ["Storefront"]


def test_rows_come_and_go_without_script(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    service = make.service()
    two = {"places-TOTAL_FORMS": "2", "places-0-team": make.team().pk, "places-1-service": service.pk}
    more = text_of(browser.post(NEW, typed(name="", add="places", **two)))
    assert 'name="places-2-team"' in more
    assert "Nobody is in." in more
    assert "This field is required." not in more
    less = text_of(browser.post(NEW, typed(leave_out="places:0", **two)))
    assert 'name="places-1-team"' not in less
    assert f'<option value="{service.pk}" selected>' in less


def test_somebody_of_one_team_reads_at_the_rehearsal_that_everything_is_not_theirs(sign_in: SignIn) -> None:
    team = make.team()
    browser = sign_in(person=make.user("Ada", Role.RELEASE_MANAGER, team=team))
    assert "in the whole house" in rehearsed(browser, typed())
    refused = save(browser, typed())
    assert refused.status_code == 422
    assert "Nobody is in." in text_of(refused)
    assert save(browser, typed(**{"places-0-team": team.pk})).status_code == 302


def test_the_form_asks_as_much_for_three_rows_as_for_one(sign_in: SignIn) -> None:
    browser, counts = sign_in(Role.RELEASE_MANAGER), []
    for rows in ("1", "3"):
        with CaptureQueriesContext(connection) as asked:
            browser.post(NEW, typed(add="places", **{"places-TOTAL_FORMS": rows}))
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15


# editing ----------------------------------------------------------------------------------------------------


def test_a_window_is_edited_from_what_it_is(sign_in: SignIn) -> None:
    window = opened(excludes=())
    browser, path = sign_in(Role.RELEASE_MANAGER), f"/calendar/windows/{window.pk}/edit/"
    text = text_of(browser.get(path))
    assert 'value="2026-11-27T18:00"' in text
    assert '<option value="FREQ=WEEKLY" selected>' in text
    save(browser, typed(name="Long weekend", repeats="FREQ=WEEKLY", ends_local="2026-11-30T09:00"), path)
    window.refresh_from_db()
    assert (window.name, window.ends_local) == ("Long weekend", "2026-11-30T09:00:00")


def test_l7_what_somebody_saved_meanwhile_is_said_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    window = opened()
    browser, path = sign_in(Role.RELEASE_MANAGER), f"/calendar/windows/{window.pk}/edit/"
    seen = seen_on(text_of(browser.get(path)))
    other = replace(WindowSettings.of(window), name="Longer weekend")
    save_window(window, other, by=make.user("Max Weber", Role.RELEASE_MANAGER), now=make.NOW)
    mine = typed(name="My weekend", repeats="FREQ=WEEKLY", seen=seen)
    answer = save(browser, mine, path)
    text = text_of(answer)
    assert answer.status_code == 409
    assert "Max Weber changed the window Longer weekend: name." in text
    assert 'value="My weekend"' in text
    window.refresh_from_db()
    assert window.name == "Longer weekend"
    assert save(browser, mine | {"seen": seen_on(text)}, path).status_code == 302
    window.refresh_from_db()
    assert window.name == "My weekend"


def seen_on(text: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', text)
    assert found
    return found[1]


def test_a_rule_of_ones_own_is_shown_as_it_was_written(sign_in: SignIn) -> None:
    window = opened(rule="FREQ=MONTHLY;BYDAY=-1FR")
    text = text_of(sign_in(Role.RELEASE_MANAGER).get(f"/calendar/windows/{window.pk}/edit/"))
    assert 'value="FREQ=MONTHLY;BYDAY=-1FR"' in text


def test_a_viewer_edits_nothing(sign_in: SignIn) -> None:
    window = opened()
    assert sign_in(Role.VIEWER).get(f"/calendar/windows/{window.pk}/edit/").status_code == 403


# its page, ending and deleting ------------------------------------------------------------------------------


def test_a_window_says_what_it_stops_when_it_opens_and_who_opened_it(sign_in: SignIn) -> None:
    window = opened()
    text = text_of(
        sign_in(person=make.user("Vera", Role.VIEWER, time_zone="UTC")).get(f"/calendar/windows/{window.pk}/")
    )
    for words in (
        "stand still everywhere", "A rollout that runs when it opens holds where it is.", "Nobody is in.",
        "Fri 27 Nov 17:00 – Mon 30 Nov 05:00", "Fri 27 Nov 18:00 – Mon 30 Nov 06:00 Berlin",
        str(window.created_by), "every Friday",
    ):  # fmt: skip
        assert words in text, words


def test_w3_ending_says_with_numbers_what_it_does(sign_in: SignIn) -> None:
    window = opened(starts_local="2026-11-23T08:00", ends_local="2026-11-23T20:00", rule="FREQ=DAILY;COUNT=3")
    text = text_of(sign_in(Role.RELEASE_MANAGER).get(f"/calendar/windows/{window.pk}/"))
    assert "End it this time" in text
    assert "It opens again 2 more times." in text
    assert "The 2 times still to come do not come." in text
    assert "It meets no departure that is planned." in text


def test_w3_a_window_is_ended_this_time_for_good_and_deleted(sign_in: SignIn) -> None:
    window = opened(starts_local="2026-11-23T08:00", ends_local="2026-11-23T20:00", rule="FREQ=DAILY;COUNT=3")
    browser, path = sign_in(Role.RELEASE_MANAGER), f"/calendar/windows/{window.pk}"
    assert browser.post(f"{path}/end/", {"reason": ""}).status_code == 422
    browser.post(f"{path}/end-this-time/", {"reason": "It went faster."})
    assert window.occurrences.filter(during__startswith__gt=make.NOW).count() == 2
    browser.post(f"{path}/end/", {"reason": "No longer needed."})
    assert window.occurrences.filter(during__startswith__gt=make.NOW).count() == 0
    browser.post(f"{path}/delete/", {"reason": "A mistake."}, headers=HTMX)
    window.refresh_from_db()
    assert window.deleted_reason == "A mistake."
    assert "A mistake." in text_of(browser.get(f"{path}/"))


def test_w12_the_line_runs_again_by_one_press_with_a_reason(sign_in: SignIn) -> None:
    window = make.window("everything", stops_the_line=True, ends_at=make.NOW + timedelta(hours=3))
    browser = sign_in(Role.ON_CALL)
    answer = browser.post(f"/calendar/windows/{window.pk}/end/", {"reason": "It is mended."}, headers=HTMX)
    assert answer["HX-Redirect"] == "/calendar/"
    assert "line-stop-" not in text_of(browser.get("/calendar/"))


@pytest.mark.parametrize("verb", ["end", "end-this-time", "delete"])
def test_a_viewer_ends_nothing_and_reads_who_can(sign_in: SignIn, verb: str) -> None:
    window, browser = opened(), sign_in(Role.VIEWER)
    assert browser.post(f"/calendar/windows/{window.pk}/{verb}/", {"reason": "x"}).status_code == 403
    text = text_of(browser.get(f"/calendar/windows/{window.pk}/"))
    assert "one needs the role release manager or administrator in the whole house" in text


def test_a_window_asks_as_much_for_three_departures_as_for_one(sign_in: SignIn) -> None:
    window, browser, counts = opened(), sign_in(Role.VIEWER), []
    for more in (1, 2):
        for number in range(more):
            at = datetime(2026, 11, 28, 9 + number, more, tzinfo=UTC)
            make.departure(departs_at=at, planned_at=at, cut_off_at=at)
        with CaptureQueriesContext(connection) as asked:
            browser.get(f"/calendar/windows/{window.pk}/")
        counts.append(len(asked))
    assert counts[0] == counts[1]
