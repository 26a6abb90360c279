"""A team's page says who is on call, by which shifts, and when nobody is; a shift shows its times first."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.actions import put_fed_shift, save_shift
from releasetrain.accounts.actions.rota import Wanted
from releasetrain.accounts.models import Shift, Team, User
from releasetrain.accounts.rules import Role
from releasetrain.lib.spans import Span
from tests import make
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of
from tests.web.trains import rows

pytestmark = pytest.mark.django_db
ROTA = "/teams/storefront/on-call/"


@pytest.fixture
def team() -> Team:
    """Make a team that lives in Berlin."""
    made = make.team()
    made.time_zone = "Europe/Berlin"
    made.save(update_fields=["time_zone"])
    return made


@pytest.fixture
def browser(sign_in: SignIn) -> Client:
    """Sign a release manager in."""
    return sign_in(Role.RELEASE_MANAGER)


def shift(team: Team, *people: User, rule: str = "FREQ=DAILY", **fields: Any) -> Shift:
    defaults = {
        "time_zone": "Europe/Berlin",
        "starts_local": "2026-11-23T08:00",
        "ends_local": "2026-11-23T20:00",
    }
    boss = make.user("", Role.RELEASE_MANAGER)
    return save_shift(team=team, people=people, rule=rule, by=boss, now=make.NOW, **{**defaults, **fields})


def typed(*people: User, **fields: Any) -> dict[str, Any]:
    return {
        "time_zone": "Europe/Berlin",
        "starts_local": "2026-11-27T20:00",
        "ends_local": "2026-11-28T08:00",
        "rule": "FREQ=WEEKLY",
        "note": "",
        **rows("people", *({"user": person.pk} for person in people)),
        **fields,
    }


def test_the_page_says_who_is_on_call_now_who_is_next_and_when_nobody_is(browser: Client, team: Team) -> None:
    shift(team, make.user("Priya"), make.user("Tom"))
    page = text_of(browser.get(ROTA))
    assert "On call now" in page and "Priya" in page
    assert "until" in page and "Mon 23 Nov, 20:00" in page
    assert "Tom" in page and "Tue 24 Nov, 08:00" in page
    assert "Mon 23 Nov, 20:00" in page and "12 h" in page  # the gap of the night
    assert "every day at 08:00 to 20:00" in page


def test_a_team_without_a_rota_and_one_with_nobody_now_say_so(browser: Client, team: Team) -> None:
    assert "Nobody has planned a shift yet" in text_of(browser.get(ROTA))
    shift(team, make.user("Priya"), starts_local="2026-11-24T08:00", ends_local="2026-11-24T20:00", rule="")
    page = text_of(browser.get(ROTA))
    assert "Nobody is on call now." in page
    assert "Priya is next" in page


def test_the_next_times_of_a_shift_are_shown_before_it_is_saved(browser: Client, team: Team) -> None:
    ana, bo = make.user("Ana"), make.user("Bo")
    said = text_of(browser.post(f"{ROTA}words/", typed(ana, bo)))
    assert "Every Friday at 20:00 to 08:00" in said
    assert said.index("Ana") < said.index("Bo")
    assert "Fri 27 Nov, 20:00" in said and "Sat 28 Nov, 08:00" in said
    assert not Shift.objects.exists()
    page = browser.post(f"{ROTA}new/", typed(ana, bo, preview="1"))
    assert "Fri 27 Nov, 20:00" in text_of(page)
    assert not Shift.objects.exists()
    assert browser.post(f"{ROTA}new/", typed(ana, bo, save="1")).status_code == 302
    assert [seat.user for seat in Shift.objects.get().seats.order_by("order")] == [ana, bo]


def test_t5_a_night_in_which_the_clocks_change_is_marked_with_its_length(browser: Client, team: Team) -> None:
    fields = {"starts_local": "2027-03-26T22:00", "ends_local": "2027-03-27T06:00", "rule": "FREQ=DAILY"}
    said = text_of(browser.post(f"{ROTA}words/", typed(make.user("Ana"), **fields)))
    assert "7 h instead of 8 h: the clocks change" in said


MISTAKES = [
    ({"ends_local": "2026-11-27T08:00"}, "The shift ends before it starts."),
    ({"rule": "EVERY FRIDAY"}, "A rule is one line of parts"),
    ({"starts_local": ""}, "This field is required"),
]


@pytest.mark.parametrize(("fields", "sentence"), MISTAKES)
def test_a_mistake_is_answered_and_nothing_typed_is_lost(
    browser: Client, team: Team, fields: dict[str, str], sentence: str
) -> None:
    answer = browser.post(f"{ROTA}new/", typed(make.user("Ana"), note="Still here", save="1", **fields))
    page = text_of(answer)
    assert answer.status_code == 422
    assert sentence in page and "Still here" in page
    assert not Shift.objects.exists()


def test_a_shift_needs_somebody(browser: Client, team: Team) -> None:
    answer = browser.post(f"{ROTA}new/", typed(save="1"))
    assert answer.status_code == 422
    assert "A shift needs somebody who is on call." in text_of(answer)


def test_rows_and_presets_keep_the_rest(browser: Client, team: Team) -> None:
    ana = make.user("Ana")
    page = text_of(browser.post(f"{ROTA}new/", typed(ana, note="Still here", add="people")))
    assert 'name="people-TOTAL_FORMS" value="2"' in page and "Still here" in page
    page = text_of(browser.post(f"{ROTA}new/", typed(ana, note="Still here", preset="FREQ=DAILY")))
    assert "FREQ=DAILY</textarea>" in page and "Every day at 20:00" in page


def test_a_shift_is_changed_and_removed(browser: Client, team: Team) -> None:
    ana, bo = make.user("Ana"), make.user("Bo")
    made = shift(team, ana)
    assert 'value="2026-11-23T08:00"' in text_of(browser.get(f"{ROTA}{made.pk}/"))
    fields = typed(bo, starts_local="2026-11-23T08:00", ends_local="2026-11-23T20:00", rule="FREQ=DAILY")
    assert browser.post(f"{ROTA}{made.pk}/", {**fields, "save": "1"}).status_code == 302
    assert "Bo" in text_of(browser.get(ROTA))
    assert browser.post(f"{ROTA}{made.pk}/remove/").status_code == 302
    assert "No shifts" in text_of(browser.get(ROTA))
    assert browser.get(f"{ROTA}{made.pk}/").status_code == 404


def test_what_a_calendar_brings_is_shown_and_not_changed_here(browser: Client, team: Team) -> None:
    fed, _, _ = put_fed_shift(
        team=team,
        feed=7,
        uid="a",
        time_zone="UTC",
        starts_local="2026-11-23T00:00",
        ends_local="2026-11-24T00:00",
        rule="",
        label="Pager Pat",
        duties=[Wanted(Span(make.NOW, make.NOW + timedelta(hours=12)), None, "Pager Pat")],
        now=make.NOW,
    )
    page = text_of(browser.get(ROTA))
    assert "Pager Pat" in page and "from the calendar" in page
    assert f"{ROTA}{fed.pk}/" not in page
    assert browser.get(f"{ROTA}{fed.pk}/").status_code == 409


def test_a_viewer_looks_and_plans_nothing(sign_in: SignIn, team: Team) -> None:
    made = shift(team, make.user("Ana"))
    viewer = sign_in(Role.VIEWER)
    page = text_of(viewer.get(ROTA))
    assert "Add a shift" not in page and "Remove" not in page
    assert viewer.get(f"{ROTA}new/").status_code == 403
    assert viewer.post(f"{ROTA}{made.pk}/remove/").status_code == 403
    assert sign_in().get(ROTA).status_code == 403
    assert viewer.get("/teams/nobody/on-call/").status_code == 404
    assert viewer.get("/teams/storefront/")["Location"] == ROTA


def test_the_list_names_who_is_on_call_and_asks_as_much_for_three_as_for_one(browser: Client) -> None:
    counts = []
    for names in (["Storefront"], ["Ledger", "Search"]):
        for name in names:
            shift(make.team(name), make.user(f"Person of {name}"))
        browser.get("/teams/")
        with CaptureQueriesContext(connection) as asked:
            page = text_of(browser.get("/teams/"))
        counts.append(len(asked))
    assert "Person of Ledger" in page and "Mon 23 Nov" in page
    assert counts[0] == counts[1]


def test_the_rota_asks_as_much_for_three_shifts_as_for_one(browser: Client, team: Team) -> None:
    counts = []
    for number in (1, 2):
        for _ in range(number):
            shift(team, make.user(), make.user())
        browser.get(ROTA)
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(ROTA).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]
