"""Around the calendar: the stopped line, what is open, holidays, feeds, overrides and addresses."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.actions import renew_calendar_link
from releasetrain.accounts.models import CalendarLink
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Feed, Holidays, Window
from releasetrain.trains.models import Override
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
PAGES = [
    "/calendar/open/",
    "/calendar/overrides/",
    "/calendar/overrides/?show=all",
    "/calendar/feeds/",
    "/calendar/holidays/",
    "/calendar/subscribe/",
]
GUARDED = ["/calendar/stop/", "/calendar/feeds/new/"]
CALENDAR = b"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Blackouts//EN
BEGIN:VEVENT
UID:winter@example.org
DTSTAMP:20261101T000000Z
DTSTART:20261223T170000Z
DTEND:20270104T080000Z
SUMMARY:Winter freeze
END:VEVENT
BEGIN:VEVENT
UID:odd@example.org
DTSTAMP:20261101T000000Z
DTSTART;TZID=Middle-earth/Bree:20261201T170000
DTEND;TZID=Middle-earth/Bree:20261201T180000
SUMMARY:Second breakfast
END:VEVENT
END:VCALENDAR
""".replace(b"\n", b"\r\n")


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def an_override(**fields: Any) -> Override:
    departure = make.departure()
    window = make.window(f"Freeze {departure.pk}", ends_at=make.NOW + timedelta(days=1))
    defaults = {
        "reason": "The fix cannot wait.",
        "requested_by": make.user(),
        "requested_by_label": "Ada",
        "requested_at": make.NOW - timedelta(days=9),
        "expires_at": make.NOW - timedelta(days=8),
        "approved_by": make.user(),
        "approved_by_label": "Max",
        "approved_at": make.NOW - timedelta(days=9),
        "review_due_at": make.NOW - timedelta(days=2),
    }
    made = Override.objects.create(departure=departure, **{**defaults, **fields})
    made.windows.add(window)
    made.services.add(make.service())
    return made


def one_of_each() -> None:
    """Make a row for every list."""
    number = Feed.objects.count()
    make.target(f"Service {number}")
    an_override()
    Holidays.objects.create(name=f"Office {number}", country="DE", subdivision=["BE", "BY", "HH"][number])
    Feed.objects.create(name=f"Feed {number}", brings="windows", zone="UTC", url="https://example.org/a.ics")
    make.train(f"Train {number}")


@pytest.mark.parametrize("path", [*PAGES, *GUARDED])
def test_strangers_are_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path).status_code == 302


@pytest.mark.parametrize("path", [*PAGES, *GUARDED])
def test_somebody_without_a_role_is_refused_in_a_sentence(sign_in: SignIn, path: str) -> None:
    answer = sign_in().get(path)
    assert answer.status_code == 403
    assert b"role" in answer.content


@pytest.mark.parametrize("path", GUARDED)
def test_a_viewer_reads_who_could_instead(sign_in: SignIn, path: str) -> None:
    answer = sign_in(Role.VIEWER).get(path)
    assert answer.status_code == 403
    assert "one needs the role on-call, release manager or administrator" in text_of(answer)


@pytest.mark.parametrize("path", PAGES)
def test_lists_ask_as_much_for_three_as_for_one(sign_in: SignIn, path: str) -> None:
    viewer = make.user("Vera", Role.VIEWER)
    renew_calendar_link(viewer, now=make.NOW)
    browser, counts = sign_in(person=viewer), []
    for more in (1, 2):
        for _ in range(more):
            one_of_each()
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path).status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 15


# the line ---------------------------------------------------------------------------------------------------


def test_w12_the_line_is_stopped_with_scope_reason_and_expiry(sign_in: SignIn) -> None:
    browser = sign_in(Role.ON_CALL)
    answer = browser.post(
        "/calendar/stop/",
        {"reason": "It loses carts.", "hours": "4", "service": make.service().pk},
    )
    window = Window.objects.get()
    assert answer["Location"] == "/calendar/"
    assert window.stops_the_line
    assert window.ends_at == make.NOW + timedelta(hours=4)
    assert [scope.service for scope in window.scopes.all()] == [make.service()]
    assert "It loses carts." in text_of(browser.get("/calendar/?view=agenda"))


def test_w12_without_a_reason_nothing_stops_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    answer = sign_in(Role.ON_CALL).post("/calendar/stop/", {"reason": " ", "hours": "72"})
    assert answer.status_code == 422
    assert '<option value="72" selected>' in text_of(answer)
    assert not Window.objects.exists()


def test_w12_somebody_on_call_for_a_team_stops_that_team_only(sign_in: SignIn) -> None:
    team = make.team()
    browser = sign_in(person=make.user("Ada", Role.ON_CALL, team=team))
    refused = browser.post("/calendar/stop/", {"reason": "It loses carts.", "hours": "1"})
    assert refused.status_code == 403
    assert "It loses carts." in text_of(refused)
    browser.post("/calendar/stop/", {"reason": "It loses carts.", "hours": "1", "team": team.pk})
    assert Window.objects.get().stops_the_line


# open now? --------------------------------------------------------------------------------------------------


def asked(browser: Client, **fields: Any) -> str:
    query = {"service": make.service().pk, "environment": make.environment().pk, **fields}
    return text_of(browser.get("/calendar/open/", query, headers=HTMX))


def test_open_says_when_it_closes_next_and_why(sign_in: SignIn) -> None:
    make.window("Night", starts_at=make.NOW + timedelta(hours=6), ends_at=make.NOW + timedelta(hours=9))
    text = asked(sign_in(Role.VIEWER))
    assert "Next close" in text
    assert "2026-11-23T18:00:00" in text
    assert "“Night” stops this" in text


def test_shut_says_why_until_when_and_who_can_change_it(sign_in: SignIn) -> None:
    make.window("Night", reason="audit", ends_at=make.NOW + timedelta(hours=9))
    text = asked(sign_in(Role.VIEWER))
    assert "Next open" in text
    assert "2026-11-23T21:00:00" in text
    assert "audit" in text
    assert "can change it" in text


def test_a_lane_that_a_window_leaves_free_is_open(sign_in: SignIn) -> None:
    make.window("Night", lanes=["train"], ends_at=make.NOW + timedelta(hours=9))
    browser = sign_in(Role.VIEWER)
    assert "Next open" in asked(browser, lane="train")
    assert "Next close" in asked(browser, lane="hotfix")


def test_w8_every_target_is_listed_open_or_shut(sign_in: SignIn) -> None:
    make.target()
    make.target("Search")
    make.window("Night", service=make.service("Search"), ends_at=make.NOW + timedelta(hours=9))
    text = text_of(sign_in(Role.VIEWER).get("/calendar/open/"))
    assert text.count('data-tone="ok"') >= 1
    assert "“Night” stops this" in text


@pytest.mark.parametrize("query", ["?service=x", "?service=99999&environment=1&lane=boat"])
def test_nonsense_is_asked_again(sign_in: SignIn, query: str) -> None:
    assert sign_in(Role.VIEWER).get(f"/calendar/open/{query}").status_code == 200


# holidays ---------------------------------------------------------------------------------------------------


def test_holidays_are_added_and_stand_in_the_calendar(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    typed = {"name": "Bavaria", "country": "DE", "subdivision": "Bayern"}
    assert browser.post("/calendar/holidays/", typed)["Location"] == "/calendar/holidays/"
    assert "Epiphany" in text_of(browser.get("/calendar/?on=2027-01-06"))


def test_an_unknown_part_stands_at_its_field_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    typed = {"name": "My office", "country": "DE", "subdivision": "Bayernn"}
    answer = sign_in(Role.RELEASE_MANAGER).post("/calendar/holidays/", typed)
    assert answer.status_code == 422
    assert "Did you mean BY (Bayern)?" in text_of(answer)
    assert "My office" in text_of(answer)


def test_a_viewer_adds_no_holidays(sign_in: SignIn) -> None:
    browser = sign_in(Role.VIEWER)
    assert "To add holidays one needs the role" in text_of(browser.get("/calendar/holidays/"))
    assert browser.post("/calendar/holidays/", {"name": "x", "country": "DE"}).status_code == 403


# feeds ------------------------------------------------------------------------------------------------------


def feed_fields(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Blackouts", "brings": "windows", "zone": "UTC", "level": "hard", "effect": "deny",
        "behaviour": "hold", **fields,
    }  # fmt: skip


def test_w11_a_file_brings_windows_and_a_report_of_what_was_not_understood(sign_in: SignIn) -> None:
    upload = SimpleUploadedFile("blackouts.ics", CALENDAR, "text/calendar")
    browser = sign_in(Role.RELEASE_MANAGER)
    answer = browser.post("/calendar/feeds/new/", feed_fields(body=upload))
    feed = Feed.objects.get()
    assert answer["Location"] == f"/calendar/feeds/{feed.pk}/"
    text = text_of(browser.get(answer["Location"]))
    assert "Winter freeze" in text
    assert "Second breakfast" in text
    assert "Middle-earth/Bree" in text


@pytest.mark.parametrize("both", [False, True])
def test_a_feed_has_either_an_address_or_a_file(sign_in: SignIn, both: bool) -> None:
    typed = feed_fields()
    if both:
        upload = SimpleUploadedFile("blackouts.ics", CALENDAR, "text/calendar")
        typed |= {"url": "https://example.org/a.ics", "body": upload}
    answer = sign_in(Role.RELEASE_MANAGER).post("/calendar/feeds/new/", typed)
    assert answer.status_code == 422
    assert "Give either its address or a file." in text_of(answer)
    assert "Blackouts" in text_of(answer)


def test_w11_a_bad_file_leaves_what_was_there(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    browser.post("/calendar/feeds/new/", feed_fields(body=SimpleUploadedFile("a.ics", CALENDAR)))
    feed = Feed.objects.get()
    answer = browser.post(
        f"/calendar/feeds/{feed.pk}/file/", {"body": SimpleUploadedFile("a.ics", b"no calendar")}
    )
    assert answer.status_code == 422
    assert Window.objects.filter(feed=feed, deleted_at=None).count() == 1


def test_w11_a_stale_calendar_has_its_badge(sign_in: SignIn) -> None:
    feed = Feed.objects.create(
        name="Blackouts", brings="windows", zone="UTC", url="https://example.org/a.ics",
        problem="It answered 404.", good_at=make.NOW - timedelta(days=2), failures=3,
    )  # fmt: skip
    browser = sign_in(Role.VIEWER)
    assert "Stale" in text_of(browser.get("/calendar/feeds/"))
    text = text_of(browser.get(f"/calendar/feeds/{feed.pk}/"))
    assert "It answered 404." in text
    assert "still holds" in text
    assert "To decide about this calendar one needs the role" in text


def test_a_calendar_is_removed_with_a_reason(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    browser.post("/calendar/feeds/new/", feed_fields(body=SimpleUploadedFile("a.ics", CALENDAR)))
    feed = Feed.objects.get()
    page = text_of(browser.get(f"/calendar/feeds/{feed.pk}/"))
    assert "The 1 window that it brings goes from the calendar and stops nothing any more" in page
    assert browser.post(f"/calendar/feeds/{feed.pk}/remove/", {"reason": ""}).status_code == 422
    browser.post(f"/calendar/feeds/{feed.pk}/remove/", {"reason": "It moved."})
    assert not Window.objects.filter(feed=feed, deleted_at=None).exists()
    assert "Blackouts" not in text_of(browser.get("/calendar/feeds/")).split("<main")[1].split("toast")[0]


def test_a_calendar_is_edited_from_what_it_is(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    browser.post("/calendar/feeds/new/", feed_fields(body=SimpleUploadedFile("a.ics", CALENDAR)))
    feed = Feed.objects.get()
    path = f"/calendar/feeds/{feed.pk}/edit/"
    assert path in text_of(browser.get(f"/calendar/feeds/{feed.pk}/"))
    page = text_of(browser.get(path))
    assert 'value="Blackouts"' in page and 'name="brings"' not in page and 'name="url"' not in page
    answer = browser.post(path, feed_fields(name="Blackout dates", level="soft", lanes=["hotfix"]))
    assert answer["Location"] == f"/calendar/feeds/{feed.pk}/"
    feed.refresh_from_db()
    assert (feed.name, feed.level, feed.lanes) == ("Blackout dates", "soft", ["hotfix"])
    assert Window.objects.get(feed=feed, deleted_at=None).level == "soft"


def test_l7_a_calendar_that_somebody_saved_meanwhile_keeps_what_was_typed(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    feed = Feed.objects.create(
        name="Blackouts", brings="windows", zone="UTC", url="https://example.org/a.ics"
    )
    path, typed = (
        f"/calendar/feeds/{feed.pk}/edit/",
        feed_fields(url=feed.url, name="Mine", seen="an old one"),
    )
    answer = browser.post(path, typed)
    assert answer.status_code == 409
    page = text_of(answer)
    assert "look at how it stands now" in page and 'value="Mine"' in page
    seen = page.split('name="seen" value="')[1].split('"')[0]
    assert browser.post(path, typed | {"seen": seen}).status_code == 302
    wrong = browser.post(path, typed | {"name": ""})
    assert wrong.status_code == 422 and "https://example.org/a.ics" in text_of(wrong)


def test_a_calendar_is_fetched_by_the_worker_and_its_page_says_so(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releasetrain.calendars.actions.feeds.fetch", lambda url: 1 / 0)
    feed = Feed.objects.create(
        name="Blackouts", brings="windows", zone="UTC", url="https://example.org/a.ics"
    )
    browser, path = sign_in(Role.RELEASE_MANAGER), f"/calendar/feeds/{feed.pk}/"
    assert browser.post(f"{path}refresh/")["Location"] == path
    page = text_of(browser.get(path))
    assert "Being fetched" in page and f'hx-get="{path}state/"' in page
    assert "It is being fetched at the moment." in page
    assert "Being fetched" in text_of(browser.get(f"{path}state/", headers=HTMX))
    Feed.objects.filter(pk=feed.pk).update(checked_at=make.NOW + timedelta(seconds=1))
    assert browser.get(f"{path}state/", headers=HTMX)["HX-Refresh"] == "true"
    assert "hx-get" not in text_of(browser.get(f"{path}state/"))


@pytest.mark.parametrize("verb", ["refresh", "file", "remove", "edit"])
def test_a_viewer_touches_no_calendar(sign_in: SignIn, verb: str) -> None:
    feed = Feed.objects.create(
        name="Blackouts", brings="windows", zone="UTC", url="https://example.org/a.ics"
    )
    assert sign_in(Role.VIEWER).post(f"/calendar/feeds/{feed.pk}/{verb}/", {"reason": "x"}).status_code == 403


# overrides --------------------------------------------------------------------------------------------------


def test_w7_an_overdue_review_says_so_and_is_taken(sign_in: SignIn) -> None:
    override = an_override()
    browser = sign_in(Role.RELEASE_MANAGER)
    assert "Overdue" in text_of(browser.get("/calendar/overrides/"))
    browser.post(f"/calendar/overrides/{override.pk}/review/", {"review": "It went well."})
    override.refresh_from_db()
    assert override.review == "It went well."
    assert "Nothing to review" in text_of(browser.get("/calendar/overrides/"))


def test_w7_whoever_asked_does_not_review(sign_in: SignIn) -> None:
    asker = make.user("Ada", Role.RELEASE_MANAGER)
    an_override(requested_by=asker)
    text = text_of(sign_in(person=asker).get("/calendar/overrides/"))
    assert "You asked for this override; somebody else must review it." in text
    assert "/review/" not in text


# addresses --------------------------------------------------------------------------------------------------


def test_addresses_are_made_and_made_worthless(sign_in: SignIn) -> None:
    make.train()
    browser = sign_in(Role.VIEWER)
    assert ".ics" not in text_of(browser.get("/calendar/subscribe/"))
    browser.post("/calendar/subscribe/renew/")
    before = text_of(browser.get("/calendar/subscribe/"))
    assert all(words in before for words in ("/me.ics", "/team/storefront.ics", "/train/checkout-express-"))
    nonce = CalendarLink.objects.get().nonce
    browser.post("/calendar/subscribe/renew/")
    assert CalendarLink.objects.get().nonce != nonce


def test_pages_keep_the_strict_policy(sign_in: SignIn) -> None:
    one_of_each()
    browser = sign_in(Role.RELEASE_MANAGER, Role.ON_CALL)
    for path in [*PAGES, *GUARDED, "/calendar/", "/calendar/?view=week", "/calendar/?view=agenda"]:
        text = browser.get(path).content.decode()
        assert " style=" not in text, path
        assert "<style" not in text, path
        assert " onclick=" not in text, path
