"""A train's form says what it means before it is saved, loses nothing, and its page shows what was moved."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.models import Departure, Train
from tests import make
from tests.web.conftest import SignIn
from tests.web.trains import cut_offs, milestones, rows, stages, typed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(sign_in: SignIn) -> Client:
    """Sign a release manager in."""
    return sign_in(person=make.user("Max", Role.RELEASE_MANAGER))


def text_of(answer: Any) -> str:
    """Return what a page says, with its white space made one."""
    return " ".join(answer.content.decode().split())


def made(browser: Client, **fields: Any) -> Train:
    answer = browser.post("/trains/new/", typed(save="1", **fields))
    assert answer.status_code == 302, text_of(answer)
    return Train.objects.get(slug="night-mail")


DEADLINES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (
        {"kind": "lead", "amount": "90", "unit": "60"},
        {"kind": "lead", "seconds": 5400},
        "1 h 30 min before departure",
    ),
    (
        {"kind": "wall", "days": "1", "time": "17:00", "zone": "America/New_York"},
        {"kind": "wall", "days": 1, "time": "17:00", "zone": "America/New_York"},
        "the day before departure at 17:00 America/New_York",
    ),
    (
        {"kind": "workdays", "days": "2", "time": "12:00"},
        {"kind": "workdays", "days": 2, "time": "12:00"},
        "2 working days before departure at 12:00",
    ),
    (
        {"kind": "week", "weeks": "1", "weekday": "TH"},
        {"kind": "week", "weeks": 1, "weekday": "TH"},
        "Thursday of week R−1, anywhere on Earth",
    ),
    ({"kind": "aoe", "days": "3"}, {"kind": "aoe", "days": 3}, "3 days before departure, anywhere on Earth"),
]


@pytest.mark.parametrize(("row", "kept", "words"), DEADLINES, ids=[row["kind"] for row, _, _ in DEADLINES])
def test_every_kind_of_cut_off_can_be_typed_and_is_said_back_in_words(
    browser: Client, row: dict[str, Any], kept: dict[str, Any], words: str
) -> None:
    fields = cut_offs({"kind": "lead", "amount": "1", "unit": "60"}, {"category": "Data base", **row})
    said = browser.post("/trains/words/", typed(**fields))
    assert f"Cut-off for Data base: {words}" in text_of(said)
    train = made(browser, **fields, boarding_lead="20160")
    assert train.cut_offs[1] == {"category": "data-base", **kept}
    page = text_of(browser.get("/trains/night-mail/"))
    assert words in page
    again = browser.get("/trains/night-mail/edit/")
    assert f"Cut-off for data-base: {words}" in text_of(again)


def test_a_fixed_instant_is_read_on_the_clocks_of_the_train(browser: Client) -> None:
    fields = milestones({"name": "Board meets", "kind": "instant", "at": "2026-11-24T09:30"})
    train = made(browser, **fields, rule="FREQ=WEEKLY;COUNT=1")
    assert train.milestones == [{"name": "Board meets", "kind": "instant", "at": "2026-11-24T08:30:00Z"}]


def test_several_lines_of_a_schedule_are_said_in_words_at_once(browser: Client) -> None:
    rule = "RRULE:FREQ=WEEKLY;BYDAY=TU\nEXDATE:20261201T140000\nRDATE:20261203T140000"
    said = text_of(browser.post("/trains/words/", typed(rule=rule)))
    assert "Every Tuesday at 14:00" in said
    assert "Tue 24 Nov, 14:00" in said
    assert "Thu 3 Dec, 14:00" in said
    assert "Tue 1 Dec, 14:00" not in said


def test_what_cannot_be_read_yet_hides_nothing_that_can(browser: Client) -> None:
    said = text_of(browser.post("/trains/words/", typed(rule="EVERY TUESDAY")))
    assert "Cut-off: 2 h before departure" in said
    assert "A rule is one line of parts" in said


def test_t2_a_time_that_does_not_exist_is_said_in_the_preview_and_again_when_it_is_saved(
    browser: Client,
) -> None:
    fields = {"rule": "FREQ=WEEKLY", "first_departs_at_local": "2027-03-21T02:30"}
    note = "02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin; 03:30 is taken instead."
    assert note in text_of(browser.post("/trains/words/", typed(**fields)))
    assert note in text_of(browser.post("/trains/new/", typed(**fields, preview="1")))
    answer = browser.post("/trains/new/", typed(**fields, save="1"), follow=True)
    assert note in text_of(answer)
    moved = Departure.objects.get(departs_at=datetime(2027, 3, 28, 1, 30, tzinfo=UTC))
    page = text_of(browser.get("/trains/night-mail/"))
    assert note in page or moved.departs_at > make.NOW + timedelta(days=70)


def test_t2_the_zone_of_the_reader_refuses_no_time_of_the_train(sign_in: SignIn) -> None:
    berliner = make.user("Bea", Role.RELEASE_MANAGER, time_zone="Europe/Berlin")
    fields = typed(first_departs_at_local="2027-03-28T02:30", rule="FREQ=YEARLY", time_zone="Asia/Tokyo")
    assert sign_in(person=berliner).post("/trains/new/", {**fields, "save": "1"}).status_code == 302


def test_t9_saving_what_moves_shows_it_first_and_saves_only_what_was_seen(browser: Client) -> None:
    train = made(browser)
    first = train.departures.order_by("departs_at").first()
    assert first is not None
    make.change(departure=first, state="aboard", boarded_at=make.NOW, author=make.user("Ada"))
    later = typed(first_departs_at_local="2026-11-24T16:00", save="1")
    shown = browser.post("/trains/night-mail/edit/", later)
    page = text_of(shown)
    assert shown.status_code == 200
    assert "Nothing is saved yet" in page
    assert first.code in page
    assert "Tue 24 Nov, 14:00" in page and "Tue 24 Nov, 16:00" in page  # the departure
    assert "Tue 24 Nov, 12:00" in page  # its cut-off, before
    assert "Told at once: Ada" in page
    first.refresh_from_db()
    assert f"{first.departs_at:%H:%M}" == "13:00"
    seen = page.split('name="seen" value="')[1].split('"')[0]
    assert browser.post("/trains/night-mail/edit/", {**later, "seen": seen}).status_code == 302
    first.refresh_from_db()
    assert f"{first.departs_at:%H:%M}" == "15:00"


def test_t9_what_a_person_has_moved_stays_and_the_preview_says_why(browser: Client) -> None:
    train = made(browser)
    first, second = train.departures.order_by("departs_at")[:2]
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    to = second.departs_at + timedelta(hours=5)
    actions.postpone(second, to=to, reason="later", by=rob, now=make.NOW)
    page = text_of(
        browser.post(
            "/trains/night-mail/edit/", typed(first_departs_at_local="2026-11-24T16:00", preview="1")
        )
    )
    assert "It stays as it is: Rob moved it by hand" in page
    assert first.code in page


def test_t9_a_preview_of_a_change_of_zone_marks_the_shifts_of_its_clocks(browser: Client) -> None:
    made(browser)
    page = text_of(browser.post("/trains/night-mail/edit/", typed(time_zone="Europe/London", preview="1")))
    assert "clocks go forward by 1 h before it" in page


@pytest.mark.parametrize(
    ("pressed", "before", "after"),
    [
        ({"add": "cut_offs"}, 1, 2),
        ({"leave_out": "cut_offs:0"}, 1, 0),
        ({"leave_out": "cut_offs:7"}, 1, 1),
        ({"leave_out": "nonsense"}, 1, 1),
    ],
)
def test_a_row_more_or_less_loses_nothing_that_was_typed(
    browser: Client, pressed: dict[str, str], before: int, after: int
) -> None:
    fields = typed(name="Half typed", **stages((5, 10), (1, "7.5")), **pressed)
    page = text_of(browser.post("/trains/new/", fields))
    assert f'name="cut_offs-TOTAL_FORMS" value="{after}"' in page or pressed == {"leave_out": "nonsense"}
    assert 'value="Half typed"' in page and 'value="7.5"' in page
    assert before == 1


def test_a_row_that_is_left_out_takes_its_own_words_along(browser: Client) -> None:
    both = cut_offs(
        {"kind": "lead", "amount": "2", "unit": "3600"},
        {"category": "database", "kind": "aoe", "days": "4"},
    )
    page = text_of(browser.post("/trains/new/", typed(**both, leave_out="cut_offs:0")))
    assert 'name="cut_offs-0-category" value="database"' in page
    assert 'name="cut_offs-1-category"' not in page


def test_a_preset_fills_the_schedule_in_and_keeps_the_rest(browser: Client) -> None:
    page = text_of(browser.post("/trains/new/", typed(name="Half typed", preset="FREQ=DAILY")))
    assert "FREQ=DAILY</textarea>" in page
    assert "Every day at 14:00" in page
    assert 'value="Half typed"' in page


MISTAKES = [
    (cut_offs({"kind": "wall", "days": "1"}), "lacks the time of day"),
    (cut_offs({"kind": "lead", "amount": "1", "category": "x"}), "everything that has none of its own"),
    (
        cut_offs({"kind": "lead", "amount": "1"}, {"kind": "lead", "amount": "2"}),
        "Two cut-offs are for the same changes",
    ),
    (
        milestones({"name": "A", "kind": "aoe", "days": "1"}, {"name": "a", "kind": "aoe", "days": "2"}),
        "Two milestones have the same name",
    ),
    (stages(("fast", 10)), "Enter a whole number"),
    (stages((1, 1), (100, 10)), "less than 10 min"),
    (stages((10, 10), (5, 10), (100, 10)), "must send more users than the one before it"),
    (stages((1, 10), segment="everybody"), "must look like region=eu"),
]


@pytest.mark.parametrize(("fields", "sentence"), MISTAKES)
def test_each_mistake_is_answered_and_everything_typed_is_still_there(
    browser: Client, fields: dict[str, Any], sentence: str
) -> None:
    answer = browser.post("/trains/new/", typed(**fields, name="Still here", save="1"))
    page = text_of(answer)
    assert answer.status_code == 422
    assert sentence in page
    assert 'value="Still here"' in page
    assert not Train.objects.exists()


def test_captains_take_turns_in_the_order_in_which_they_were_typed(browser: Client) -> None:
    ana, bo = make.user("Ana", Role.RELEASE_MANAGER), make.user("Bo", Role.RELEASE_MANAGER)
    turn = rows("captains", {"user": bo.pk}, {"user": ""}, {"user": ana.pk})
    train = made(browser, **turn, check_in_lead="60", lane="hotfix", turns="departure")
    assert [seat.user for seat in train.captain_seats.order_by("order")] == [bo, ana]
    assert (train.check_in_lead, train.lane) == (timedelta(hours=1), "hotfix")
    page = text_of(browser.get("/trains/night-mail/"))
    assert "Bo → Ana" in page
    assert "deputy" in page


def test_the_page_strikes_a_skipped_date_and_shows_a_moved_one_with_its_old_time(browser: Client) -> None:
    train = made(browser, **milestones({"name": "Texts in", "kind": "lead", "amount": "5", "unit": "3600"}))
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    first, second, third = train.departures.order_by("departs_at")[:3]
    actions.skip(first, reason="holiday", by=rob, now=make.NOW)
    actions.postpone(second, to=second.departs_at + timedelta(hours=3), reason="later", by=rob, now=make.NOW)
    at = datetime.fromisoformat(third.milestones[0]["at"]) + timedelta(hours=2)
    actions.move_deadline(third, what="milestone:Texts in", to=at, reason="late", by=rob, now=make.NOW)
    page = text_of(browser.get("/trains/night-mail/"))
    assert 'class="is-struck"' in page
    assert f'href="/departures/{first.pk}/restore/"' in page
    assert "moved by Rob" in page
    assert "<s" in page and "Tue 1 Dec, 17:00" in page
    assert "Tue 8 Dec, 11:00" in page and "Tue 8 Dec, 09:00" in page
    assert f'href="/departures/{second.pk}/skip/"' in page


def test_a_viewer_sees_the_train_and_no_button_that_is_not_theirs(browser: Client, sign_in: SignIn) -> None:
    made(browser)
    viewer = sign_in(Role.VIEWER)
    page = text_of(viewer.get("/trains/night-mail/"))
    assert "/skip/" not in page and "/edit/" not in page and "/variants/" not in page
    for path in ("edit/", "variants/new/", "weeks/2026-11-30/"):
        assert viewer.get(f"/trains/night-mail/{path}").status_code == 403


def test_the_page_asks_as_much_for_three_dates_as_for_one(browser: Client) -> None:
    counts = []
    for number in (1, 3):
        train = make.train(f"Train {number}", rule=f"FREQ=WEEKLY;COUNT={number}")
        for day in range(number):
            make.departure(train, state="scheduled", departs_at=make.NOW + timedelta(days=7 * day + 1))
        browser.get(f"/trains/{train.slug}/")
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(f"/trains/{train.slug}/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_a_week_runs_by_a_variant_after_it_was_shown_what_moves(browser: Client) -> None:
    train = made(browser)
    fields = {
        "name": "Holiday week",
        "rule": "FREQ=WEEKLY;BYDAY=WE",
        "first_departs_at_local": "2026-11-25T10:00",
        "time_zone": "",
    }
    assert browser.post("/trains/night-mail/variants/new/", {**fields, "rule": "WE"}).status_code == 422
    assert browser.post("/trains/night-mail/variants/new/", fields).status_code == 302
    variant = train.variants.get()
    assert browser.get(f"/trains/night-mail/variants/{variant.pk}/").status_code == 200
    page = text_of(browser.get("/trains/night-mail/weeks/2026-11-30/"))
    assert "Wed 2 Dec, 10:00" in page and "Tue 1 Dec, 14:00" in page
    answer = browser.post("/trains/night-mail/weeks/2026-11-30/", {"variant": variant.pk})
    assert answer.status_code == 302
    assert train.weeks.get().variant == variant
    assert train.departures.filter(departs_at=datetime(2026, 12, 2, 9, tzinfo=UTC)).exists()
    assert "Holiday week" in text_of(browser.get("/trains/night-mail/"))
    again = browser.post("/trains/night-mail/weeks/2026-11-30/", {"variant": variant.pk})
    assert again.status_code == 409
    assert "already" in text_of(again)
    assert browser.post("/trains/night-mail/weeks/2026-11-30/", {"variant": ""}).status_code == 302
    assert not train.weeks.exists()
    assert browser.get("/trains/night-mail/weeks/never/").status_code == 404
    assert browser.get("/trains/night-mail/variants/999/").status_code == 404
