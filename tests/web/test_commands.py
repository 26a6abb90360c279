"""What people press is done once, refused in a sentence, and never lost."""

import uuid
from typing import Any

import pytest

from releasetrain.accounts.actions import make_sign_in_link
from releasetrain.accounts.rules import Role
from releasetrain.flags.models import FlagEnvironment
from releasetrain.rollouts.models import Command, Rollout
from releasetrain.trains.actions import seal
from releasetrain.trains.models import Change, Departure, Vote
from tests import make
from tests.web.conftest import SignIn
from tests.web.trains import stages

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def sealed(**fields: Any) -> Departure:
    """Make a departure with one change aboard, past its cut-off."""
    departure = make.departure(cut_off_at=make.NOW, **fields)
    make.target(driver="simulated", driver_config={})
    make.change(departure=departure, state="aboard", boarded_at=make.NOW, author=make.user("Author"))
    return seal(departure, now=make.NOW)


def digest(departure: Departure) -> str:
    return departure.manifests.get().digest


def baking() -> Rollout:
    departure = make.departure(state="rolling", departed_at=make.NOW)
    return make.rollout(
        departure,
        state="baking",
        seq=3,
        desired_weight=1,
        observed_weight=1,
        observed_at=make.NOW,
        agreed_at=make.NOW,
        bake_needed_seconds=600,
        next_due_at=None,
    )


def press(browser: object, rollout: Rollout, kind: str, **fields: object) -> object:
    return browser.post(  # type: ignore[attr-defined]
        f"/rollouts/{rollout.pk}/{kind}/",
        {"expected_seq": rollout.seq, "command_id": uuid.uuid4(), **fields},
        headers=HTMX,
    )


def test_a_change_is_submitted_and_boards(sign_in: SignIn) -> None:
    departure = make.departure()
    answer = sign_in(Role.SUBMITTER).post(
        "/changes/new/",
        {
            "title": "Show prices with tax",
            "service": make.service().pk,
            "version": "abc123",
            "departure": departure.pk,
            "bundle": "Checkout",
        },
    )
    change = Change.objects.get()
    assert answer["Location"] == f"/changes/{change.pk}/"
    assert (change.state, change.departure) == ("aboard", departure)


def test_i1_after_the_cut_off_nothing_typed_is_lost(sign_in: SignIn) -> None:
    departure = make.departure(cut_off_at=make.NOW)
    sign_in(Role.SUBMITTER).post(
        "/changes/new/",
        {"title": "Late", "service": make.service().pk, "version": "abc", "departure": departure.pk},
    )
    change = Change.objects.get()
    assert (change.title, change.state) == ("Late", "submitted")


def test_a_form_with_mistakes_comes_back_with_what_was_typed(sign_in: SignIn) -> None:
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", {"title": "Only a title", "url": "not an address"})
    assert answer.status_code == 422
    assert b"Only a title" in answer.content
    assert b"not an address" in answer.content
    assert Change.objects.count() == 0


def test_a_viewer_submits_nothing(sign_in: SignIn) -> None:
    assert sign_in(Role.VIEWER).post("/changes/new/", {}).status_code == 403


def test_d10_the_last_vote_says_what_it_does_and_clears(sign_in: SignIn) -> None:
    departure = sealed()
    browser = sign_in(Role.RELEASE_MANAGER)
    page = browser.get(f"/departures/{departure.pk}/").content.decode()
    assert "Approve and depart at" in page
    answer = browser.post(
        f"/departures/{departure.pk}/vote/",
        {"choice": "go", "digest": digest(departure), "seat": "release_manager"},
        headers=HTMX,
    )
    departure.refresh_from_db()
    assert (answer.status_code, departure.state) == (200, "cleared")


def test_a_vote_on_an_older_manifest_is_refused(sign_in: SignIn) -> None:
    departure = sealed()
    answer = sign_in(Role.RELEASE_MANAGER).post(
        f"/departures/{departure.pk}/vote/", {"choice": "go", "digest": "0" * 64}, headers=HTMX
    )
    assert answer.status_code == 409
    assert Vote.objects.count() == 0


def test_d8_a_no_go_needs_a_reason(sign_in: SignIn) -> None:
    departure = sealed()
    answer = sign_in(Role.RELEASE_MANAGER).post(
        f"/departures/{departure.pk}/vote/", {"choice": "no_go", "digest": digest(departure)}, headers=HTMX
    )
    assert answer.status_code == 422
    assert Vote.objects.count() == 0


@pytest.mark.parametrize("choice", ["", "perhaps"])
def test_a_vote_that_is_none_is_refused_in_a_sentence(sign_in: SignIn, choice: str) -> None:
    departure = sealed()
    answer = sign_in(Role.RELEASE_MANAGER).post(
        f"/departures/{departure.pk}/vote/", {"choice": choice, "digest": digest(departure)}, headers=HTMX
    )
    assert answer.status_code == 422


def test_one_press_brings_everybody_back(sign_in: SignIn) -> None:
    rollout = baking()
    answer = press(sign_in(Role.ON_CALL), rollout, "rollback")
    rollout.refresh_from_db()
    assert answer.status_code == 200  # type: ignore[attr-defined]
    assert rollout.state == "rolling_back"
    rollout.target.refresh_from_db()
    assert rollout.target.driver_config["world"]["weight"] == 0


def test_l7_a_rollback_is_taken_from_a_stale_page_too(sign_in: SignIn) -> None:
    rollout = baking()
    press(sign_in(Role.ON_CALL), rollout, "rollback", expected_seq=1)
    rollout.refresh_from_db()
    assert rollout.state == "rolling_back"


def test_l7_a_stale_promotion_is_409_with_the_present_state(sign_in: SignIn) -> None:
    rollout = baking()
    answer = press(sign_in(Role.RELEASE_MANAGER), rollout, "promote", expected_seq=2)
    assert answer.status_code == 409  # type: ignore[attr-defined]
    assert b"baking" in answer.content.lower()  # type: ignore[attr-defined]
    rollout.refresh_from_db()
    assert rollout.state == "baking"


def test_the_same_uuid_twice_is_one_command(sign_in: SignIn) -> None:
    rollout, once = baking(), uuid.uuid4()
    browser = sign_in(Role.RELEASE_MANAGER)
    for _ in range(2):
        press(browser, rollout, "pause", command_id=once)
    assert Command.objects.count() == 1
    assert rollout.holds.filter(cleared_at=None).count() == 1


@pytest.mark.parametrize("fields", [{"command_id": "x"}, {"expected_seq": "many"}])
def test_a_command_that_cannot_be_read_is_refused(sign_in: SignIn, fields: dict[str, str]) -> None:
    rollout = baking()
    answer = press(sign_in(Role.RELEASE_MANAGER), rollout, "pause", **fields)
    assert answer.status_code == 422  # type: ignore[attr-defined]


def test_a_viewer_commands_nothing(sign_in: SignIn) -> None:
    rollout = baking()
    assert press(sign_in(Role.VIEWER), rollout, "rollback").status_code == 403  # type: ignore[attr-defined]
    rollout.refresh_from_db()
    assert rollout.state == "baking"


def test_the_whole_departure_comes_back_by_one_press(sign_in: SignIn) -> None:
    rollout = baking()
    sign_in(Role.ON_CALL).post(f"/departures/{rollout.departure_id}/rollback/")
    rollout.refresh_from_db()
    assert rollout.state == "rolling_back"


def test_a_flag_is_killed_and_revived(sign_in: SignIn) -> None:
    flag = make.flag_environment("new-checkout", percentage=5000)
    browser = sign_in(Role.ON_CALL)
    browser.post("/flags/new-checkout/production/kill/", {"reason": "It smells."})
    assert FlagEnvironment.objects.get(pk=flag.pk).killed_reason == "It smells."
    browser.post("/flags/new-checkout/production/revive/")
    assert FlagEnvironment.objects.get(pk=flag.pk).killed_at is None


def test_a_submitter_kills_no_flag(sign_in: SignIn) -> None:
    make.flag_environment("new-checkout")
    assert sign_in(Role.SUBMITTER).post("/flags/new-checkout/production/kill/").status_code == 403


def test_a_held_departure_says_why_and_is_released(sign_in: SignIn) -> None:
    departure = sealed()
    browser = sign_in(Role.RELEASE_MANAGER)
    assert browser.post(f"/departures/{departure.pk}/hold/").status_code == 422
    browser.post(f"/departures/{departure.pk}/hold/", {"reason": "The cache is cold."})
    assert b"The cache is cold." in browser.get(f"/departures/{departure.pk}/").content
    browser.post(f"/departures/{departure.pk}/release/")
    departure.refresh_from_db()
    assert departure.held_at is None


def test_a_sign_in_link_asks_before_it_is_spent(client: object) -> None:
    secret = make_sign_in_link(make.user("Ada", Role.VIEWER), make.NOW)
    path = f"/sign-in/link/{secret}/"
    assert client.get(path).status_code == 200  # type: ignore[attr-defined]
    assert client.post(path)["Location"] == "/"  # type: ignore[attr-defined]
    assert client.post(path).status_code == 410  # type: ignore[attr-defined]


def test_a_train_is_made_and_edited(sign_in: SignIn) -> None:
    manager = make.user("Max", Role.RELEASE_MANAGER)
    browser = sign_in(person=manager)
    typed = {
        "name": "Night Mail",
        "team": make.team().pk,
        "environment": make.environment().pk,
        "services": [make.service().pk],
        "policy": make.policy(release_manager=1).pk,
        "time_zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY;BYDAY=TU",
        "first_departs_at_local": "2026-11-24T14:00",
        "cut_offs-TOTAL_FORMS": "1",
        "cut_offs-INITIAL_FORMS": "0",
        "cut_offs-0-kind": "lead",
        "cut_offs-0-amount": "2",
        "cut_offs-0-unit": "3600",
        "milestones-TOTAL_FORMS": "0",
        "milestones-INITIAL_FORMS": "0",
        "captains-TOTAL_FORMS": "0",
        "captains-INITIAL_FORMS": "0",
        "boarding_lead": "10080",
        **stages((1, 10), (10, 10), (100, 10)),
    }
    assert browser.post("/trains/new/", {**typed, **stages((10, 10), (5, 10))}).status_code == 422
    assert browser.post("/trains/new/", {**typed, "rule": "EVERY TUESDAY"}).status_code == 422
    assert browser.post("/trains/new/", {**typed, "save": "1"})["Location"] == "/trains/night-mail/"
    assert browser.get("/trains/night-mail/edit/").status_code == 200
    answer = browser.post("/trains/night-mail/edit/", {**typed, "slug": "night-mail", "preview": "1"})
    assert answer.status_code == 200


def test_a_live_page_that_waits_is_told_when_the_rollout_is_there(sign_in: SignIn) -> None:
    departure = sealed()
    browser = sign_in(Role.VIEWER)
    path = f"/departures/{departure.pk}/live/"
    assert "HX-Refresh" not in browser.get(path, headers=HTMX)
    make.rollout(departure)
    assert browser.get(path, headers=HTMX)["HX-Refresh"] == "true"
