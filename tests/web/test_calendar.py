"""The calendar shows what happens, in the reader's zone, and what cannot happen as planned."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Holidays, Window
from releasetrain.trains.models import Departure, Override
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
VIEWS = ["month", "week", "agenda"]
MOST_QUERIES = 15


def reader(zone: str = "Europe/Berlin") -> User:
    return make.user("", Role.VIEWER, time_zone=zone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(browser: object, view: str = "month", on: str = "2026-11-23", more: str = "") -> str:
    answer = browser.get(f"/calendar/?view={view}&on={on}{more}")  # type: ignore[attr-defined]
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def overridden(departure: Departure, *windows: Window) -> None:
    """Let a departure through windows, as two people have agreed."""
    override = Override.objects.create(
        departure=departure,
        reason="It cannot wait.",
        requested_by_label="Ada",
        requested_at=make.NOW,
        expires_at=make.NOW + timedelta(days=1),
        approved_by_label="Max",
        approved_at=make.NOW,
    )
    override.windows.set(windows)
    override.services.add(make.service())


def a_busy_day() -> None:
    departure = make.departure(milestones=[{"name": "Release candidate", "at": make.NOW.isoformat()}])
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    make.window(
        f"Freeze {departure.pk}", service=make.service(), ends_at=departure.departs_at + timedelta(hours=1)
    )
    overridden(departure)
    make.window("Cart is broken", stops_the_line=True, ends_at=make.NOW + timedelta(hours=3))


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_departures_cut_offs_milestones_windows_and_holidays(
    sign_in: SignIn, view: str
) -> None:
    Holidays.objects.create(name="United States", country="US")
    make.departure(milestones=[{"name": "Release candidate", "at": make.NOW.isoformat()}])
    make.window("Winter freeze", reason="Nobody is in.")
    text = shown(sign_in(person=reader()), view)
    for words in ("Checkout Express", "Cut-off", "Release candidate", "Winter freeze", "Thanksgiving"):
        assert words in text, words


@pytest.mark.parametrize("view", VIEWS)
def test_a_calendar_asks_as_much_for_three_of_each_as_for_one(sign_in: SignIn, view: str) -> None:
    browser = sign_in(person=reader())
    counts = []
    for rows, part in ((1, "BE"), (2, "BY")):
        for _ in range(rows):
            a_busy_day()
        Holidays.objects.create(name=part, country="DE", subdivision=part)
        with CaptureQueriesContext(connection) as asked:
            shown(browser, view)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= MOST_QUERIES


def test_t8_days_and_times_are_the_readers_and_the_trains_stands_beside(sign_in: SignIn) -> None:
    train = make.train("Night Mail", time_zone="Asia/Singapore")
    make.departure(train, departs_at=at("2026-11-24T17:45"), cut_off_at=at("2026-11-24T16:45"))
    text = shown(sign_in(person=reader("America/New_York")), "agenda")
    assert "12:45" in text
    assert "Wed 01:45 Singapore" in text


def test_t8_nothing_stands_beside_where_the_clocks_agree(sign_in: SignIn) -> None:
    make.departure()
    assert "cal-entry-there" not in shown(sign_in(person=reader("Europe/Paris")))


@pytest.mark.parametrize(
    ("zone", "on", "words"),
    [
        ("Europe/Berlin", "2026-10-25", "Clocks go back 1 h at 03:00"),
        ("America/New_York", "2027-03-14", "Clocks go forward 1 h at 02:00"),
        ("Australia/Lord_Howe", "2026-10-04", "Clocks go forward 30 min at 02:00"),
        ("Africa/Cairo", "2026-04-24", "Clocks go forward 1 h at 00:00"),
    ],
)
@pytest.mark.parametrize("view", VIEWS)
def test_t2_t4_the_day_on_which_the_readers_clocks_change_says_so(
    sign_in: SignIn, view: str, zone: str, on: str, words: str
) -> None:
    assert (
        shown(sign_in(person=reader(zone)), view, on).count(f'title="{words}"' if view != "agenda" else words)
        == 1
    )


def test_t13_a_window_that_ends_at_midnight_does_not_reach_the_next_day(sign_in: SignIn) -> None:
    make.window(starts_at=at("2026-11-23T00:00"), ends_at=at("2026-11-24T00:00"), is_all_day=True)
    text = shown(sign_in(person=reader("UTC")))
    assert 'data-column="1" data-days="1"' in text


def test_t5_a_window_over_a_weekend_is_one_bar_that_goes_on_in_the_next_week(sign_in: SignIn) -> None:
    make.window(starts_at=at("2026-11-20T17:00"), ends_at=at("2026-11-23T05:00"))
    text = shown(sign_in(person=reader()))
    assert 'data-column="5" data-days="3" data-lane="1" data-after' in text
    assert 'data-column="1" data-days="1" data-lane="1" data-before' in text
    assert "Fri 20 Nov 18:00 – Mon 23 Nov 06:00" in text


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"level": "hard"}, "Hard"),
        ({"level": "soft"}, "Soft"),
        ({"level": "notice"}, "Notice"),
        ({"effect": "allow"}, "Allows"),
        ({"stops_the_line": True}, "Line stopped"),
    ],
)
def test_a_window_is_told_by_word_and_shape_as_well_as_by_colour(
    sign_in: SignIn, fields: dict[str, object], word: str
) -> None:
    make.window(**fields)  # type: ignore[arg-type]
    text = shown(sign_in(person=reader()))
    assert f"<b>{word}</b>" in text


def test_a_departure_inside_a_window_is_a_conflict_with_its_reason(sign_in: SignIn) -> None:
    departure = make.departure()
    make.window("Winter freeze", starts_at=departure.departs_at, ends_at=make.NOW + timedelta(hours=9))
    text = shown(sign_in(person=reader()))
    assert (
        "It departs on Mon 23 Nov, 15:00, inside “Winter freeze”, which stops it until Mon 23 Nov, 22:00."
        in text
    )


def test_w6_a_stage_inside_a_later_window_is_a_conflict_too(sign_in: SignIn) -> None:
    departure = make.departure()
    make.window(
        "Evening",
        starts_at=departure.departs_at + timedelta(minutes=15),
        ends_at=make.NOW + timedelta(hours=9),
    )
    assert "“Evening” would hold Storefront at 5 % from Mon 23 Nov, 15:15 until Mon 23 Nov, 22:00." in shown(
        sign_in(person=reader()), "week"
    )


def test_a_cut_off_inside_a_window_is_a_conflict_and_outside_one_that_allows_is_none(sign_in: SignIn) -> None:
    departure = make.departure()
    make.window("Database upgrade", starts_at=make.NOW, ends_at=make.NOW + timedelta(minutes=90))
    make.window(
        "Office hours", effect="allow", starts_at=departure.departs_at, ends_at=make.NOW + timedelta(hours=9)
    )
    text = shown(sign_in(person=reader()))
    assert "Its cut-off lies on Mon 23 Nov, 14:00, inside “Database upgrade”" in text
    assert "outside “Office hours”" not in text


def test_t13_a_window_that_ends_at_the_departure_is_no_conflict(sign_in: SignIn) -> None:
    departure = make.departure(cut_off_at=make.NOW - timedelta(hours=1))
    make.window(starts_at=make.NOW, ends_at=departure.departs_at)
    assert "data-conflict" not in shown(sign_in(person=reader()))


@pytest.mark.parametrize("fields", [{"level": "notice"}, {"lanes": ["hotfix"]}])
def test_a_window_that_does_not_stop_trains_is_no_conflict(
    sign_in: SignIn, fields: dict[str, object]
) -> None:
    departure = make.departure()
    make.window(starts_at=departure.departs_at, ends_at=make.NOW + timedelta(hours=9), **fields)  # type: ignore[arg-type]
    assert "data-conflict" not in shown(sign_in(person=reader()))


def test_a_soft_window_that_was_accepted_is_no_conflict(sign_in: SignIn) -> None:
    window = make.window(level="soft", ends_at=make.NOW + timedelta(hours=9))
    make.departure(acknowledged_windows=[window.pk])
    assert "data-conflict" not in shown(sign_in(person=reader()))


def test_w8_a_window_over_another_service_is_no_conflict(sign_in: SignIn) -> None:
    make.departure()
    make.window(ends_at=make.NOW + timedelta(hours=9), service=make.service("Search"))
    assert "data-conflict" not in shown(sign_in(person=reader()))


def test_h1_two_departures_on_one_service_at_once_are_a_conflict_of_both(sign_in: SignIn) -> None:
    make.departure()
    make.departure(make.train("Web Platform"))
    text = shown(sign_in(person=reader()))
    assert text.count("moves Storefront in Production at the same time") == 2


def test_of_many_conflicts_the_first_are_said_and_the_others_counted(sign_in: SignIn) -> None:
    for number in range(14):
        make.departure(make.train(f"Train {number}"))
    text = shown(sign_in(person=reader()))
    assert '<span class="count">14</span>' in text
    assert "These are the first 12." in text
    assert text.count("and 10 more") == 12


def test_h1_one_after_the_other_is_no_conflict(sign_in: SignIn) -> None:
    first = make.departure()
    make.departure(make.train("Web Platform"), departs_at=first.departs_at + timedelta(hours=2))
    assert "at the same time" not in shown(sign_in(person=reader()))


def test_filters_narrow_departures_and_windows(sign_in: SignIn) -> None:
    search = make.service("Search")
    make.departure()
    other = make.train("Search Night Mail")
    other.services.set([search])
    make.departure(other)
    make.window("Only Storefront", service=make.service())
    make.window("All but Search", excludes=[{"service": search}])
    make.window("Everything")
    text = shown(sign_in(person=reader()), more=f"&service={search.pk}")
    for words, is_there in (
        ("Search Night Mail", True), ("Everything", True), ("Checkout Express", False),
        ("Only Storefront", False), ("All but Search", False),
    ):  # fmt: skip
        assert (words in text) is is_there, words


def test_links_keep_the_filters(sign_in: SignIn) -> None:
    team = make.team()
    text = shown(sign_in(person=reader()), "week", more=f"&team={team.pk}")
    assert f"/calendar/?view=week&amp;on=2026-11-30&amp;team={team.pk}" in text
    assert f"/calendar/?view=agenda&amp;on=2026-11-23&amp;team={team.pk}" in text


@pytest.mark.parametrize(
    "query", ["?view=year", "?on=never", "?on=0001-01-01", "?on=9999-12-31", "?team=x&service=99999"]
)
def test_nonsense_in_the_address_shows_this_month(sign_in: SignIn, query: str) -> None:
    answer = sign_in(person=reader()).get(f"/calendar/{query}")
    assert answer.status_code == 200
    assert b"November 2026" in answer.content


def test_a_panel_is_one_fragment(sign_in: SignIn) -> None:
    answer = sign_in(person=reader()).get("/calendar/?view=week", headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith("<section")
    assert b"<html" not in answer.content


def test_w12_a_stopped_line_stands_above_the_calendar_with_the_way_to_end_it(sign_in: SignIn) -> None:
    make.window("Storefront", stops_the_line=True, reason="It loses carts.", service=make.service())
    text = shown(sign_in(Role.ON_CALL))
    assert "It loses carts." in text
    assert "Let it run again" in text
    assert "/end/" in text


def test_w12_a_viewer_reads_who_may_let_the_line_run(sign_in: SignIn) -> None:
    make.window("Storefront", stops_the_line=True, service=make.service())
    text = shown(sign_in(person=reader()))
    assert (
        "To let the line run again one needs the role on-call, release manager or administrator here." in text
    )
    assert "/end/" not in text


def test_w12_a_line_that_runs_again_has_no_banner(sign_in: SignIn) -> None:
    make.window("Over", stops_the_line=True, ended_early_at=make.NOW, ends_at=make.NOW + timedelta(hours=1))
    assert "line-stop-" not in shown(sign_in(person=reader()))


def test_a_viewer_reads_who_may_open_a_window(sign_in: SignIn) -> None:
    text = shown(sign_in(person=reader()))
    assert "To open a window one needs the role release manager or administrator" in text
    assert 'href="/calendar/windows/new/"' not in text


def test_strangers_see_no_calendar(sign_in: SignIn) -> None:
    assert sign_in().get("/calendar/").status_code == 403


def test_w12_a_departure_under_a_stopped_line_says_so(sign_in: SignIn) -> None:
    make.departure()
    make.window("everything", stops_the_line=True, ends_at=make.NOW + timedelta(hours=4))
    assert "while the line is stopped for everything until Mon 23 Nov, 17:00." in shown(
        sign_in(person=reader())
    )


def test_w7_a_window_that_an_override_opens_is_no_conflict(sign_in: SignIn) -> None:
    departure = make.departure(cut_off_at=make.NOW - timedelta(hours=1))
    window = make.window("Winter freeze", ends_at=make.NOW + timedelta(days=1))
    overridden(departure, window)
    assert "data-conflict" not in shown(sign_in(person=reader()))
