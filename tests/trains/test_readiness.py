"""A departure that asks for checks leaves once all of them have been green together for long enough (D12)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SystemActor
from releasetrain.incidents.models import Incident
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions, tasks
from releasetrain.trains.actions.refusals import CheckRefused, NotDue, SteeringRefused
from releasetrain.trains.models import Departure, Evidence, Mark
from releasetrain.trains.queries import standing_of
from releasetrain.trains.queries.readiness import results_of
from releasetrain.trains.rules.evidence import EvidenceState
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.readiness import Asks, CheckKind, Sample
from releasetrain.trains.rules.risk import Question
from tests import make
from tests.trains import world

pytestmark = pytest.mark.django_db
EVERY, MINUTES = timedelta(seconds=15), timedelta(minutes=1)
CI = SystemActor("CI")
LIST = "manual:Support knows"


def asking(*kinds: CheckKind, manual: tuple[str, ...] = (), minutes: int = 5, **fields: Any) -> Departure:
    """Make a departure whose train asks for checks."""
    checks = Asks(kinds, manual, minutes * MINUTES).to_json()
    departure = make.departure(make.train(checks=checks), **fields)
    departure.plan = {**departure.plan, "checks": checks}
    departure.save(update_fields=["plan"])
    return departure


def green(departure: Departure, state: EvidenceState = EvidenceState.GREEN, **fields: Any) -> Evidence:
    """Let CI report on what is aboard."""
    change = departure.changes.get()
    said = {"service": change.service, "version": change.version, "name": "build", "at": make.NOW}
    return actions.report_evidence(**{**said, "state": state, "by": CI, "now": make.NOW, **fields}).evidence


def sample(departure: Departure, since: datetime, until: datetime) -> None:
    """Look at the checks every 15 seconds."""
    at = since
    while at <= until:
        actions.sample_readiness(departure, now=at)
        at += EVERY
    departure.refresh_from_db()


def unready(departure: Departure, at: datetime) -> list[str]:
    departure.refresh_from_db()
    found = standing_of(departure, at).verdict.reasons
    return [one.code for one in found if one.code.startswith("unready")]


def said(departure: Departure, kind: CheckKind) -> tuple[str, str]:
    asks = Plan.from_json(departure.plan).checks
    (result,) = (one for one in results_of(departure, asks, make.NOW) if one.key == kind)
    return result.state.value, result.text


def test_d12_a_departure_is_held_at_its_time_until_its_checks_have_been_green_for_the_minimum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departure = world.cleared(asking(CheckKind.CI))
    leaves = departure.departs_at
    sample(departure, leaves - MINUTES, leaves)
    actions.depart(departure, now=leaves)
    departure.refresh_from_db()
    assert (departure.state, departure.held_kind) == ("cleared", "readiness")
    assert "CI has said nothing about Storefront" in departure.held_reason
    green(departure)
    sample(departure, leaves + EVERY, leaves + 4 * MINUTES)
    monkeypatch.setattr(clock, "now", lambda: leaves + 4 * MINUTES)
    tasks.tick()
    departure.refresh_from_db()
    assert departure.held_kind == "readiness"
    sample(departure, leaves + 4 * MINUTES, leaves + 5 * MINUTES + EVERY)
    monkeypatch.setattr(clock, "now", lambda: leaves + 5 * MINUTES + EVERY)
    tasks.tick()
    departure.refresh_from_db()
    assert departure.state == "rolling"


def test_d12_evidence_that_flaps_starts_the_time_anew() -> None:
    departure = world.cleared(asking(CheckKind.CI))
    green(departure)
    sample(departure, make.NOW, make.NOW + 6 * MINUTES)
    assert unready(departure, make.NOW + 6 * MINUTES) == []
    green(departure, EvidenceState.RED, at=make.NOW + MINUTES, now=make.NOW + MINUTES)
    sample(departure, make.NOW + 6 * MINUTES, make.NOW + 6 * MINUTES)
    assert unready(departure, make.NOW + 6 * MINUTES) == ["unready_ci"]
    green(departure, at=make.NOW + 2 * MINUTES, now=make.NOW + 2 * MINUTES)
    sample(departure, make.NOW + 7 * MINUTES, make.NOW + 11 * MINUTES)
    assert unready(departure, make.NOW + 11 * MINUTES) == ["unready_wait"]
    assert list(departure.stretches.order_by("first_at").values_list("is_green", flat=True)) == [
        True,
        False,
        True,
    ]


def test_d12_a_sampler_that_stands_still_is_no_green() -> None:
    departure = world.cleared(asking(CheckKind.CI))
    green(departure)
    sample(departure, make.NOW, make.NOW + 6 * MINUTES)
    assert unready(departure, make.NOW + 9 * MINUTES) == ["unready"]
    sample(departure, make.NOW + 9 * MINUTES, make.NOW + 10 * MINUTES)
    assert unready(departure, make.NOW + 10 * MINUTES) == ["unready_wait"]
    assert departure.stretches.count() == 2


def test_d12_the_scheduler_samples_what_is_sealed_or_leaves_within_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soon = asking(CheckKind.CI)
    world.aboard(soon)
    far = asking(CheckKind.CI, departs_at=make.NOW + timedelta(days=3), cut_off_at=make.NOW + 60 * MINUTES)
    world.aboard(far)
    empty, silent = asking(CheckKind.CI), make.departure()
    world.aboard(silent)
    monkeypatch.setattr(clock, "now", lambda: make.NOW)
    tasks.look_at_readiness()
    sampled = Departure.objects.exclude(readiness={}).values_list("pk", flat=True)
    assert list(sampled) == [soon.pk]
    assert empty.pk
    with pytest.raises(NotDue):
        actions.sample_readiness(silent, now=make.NOW)


def test_a_release_does_not_go_past_a_check_that_is_not_green() -> None:
    departure = world.cleared(asking(CheckKind.CI))
    sample(departure, departure.departs_at, departure.departs_at)
    actions.depart(departure, now=departure.departs_at)
    with pytest.raises(SteeringRefused, match="CI has said nothing"):
        actions.release(departure, by=world.manager(), now=departure.departs_at)


def test_ci_speaks_of_the_very_version_that_goes_out_and_every_check_of_it_counts() -> None:
    departure = world.sealed(asking(CheckKind.CI))
    assert said(departure, CheckKind.CI)[0] == "no_data"
    green(departure, version="another")
    assert said(departure, CheckKind.CI)[0] == "no_data"
    green(departure)
    assert said(departure, CheckKind.CI) == ("green", "")
    green(departure, EvidenceState.PENDING, name="end to end")
    state, text = said(departure, CheckKind.CI)
    assert (state, text.startswith("“end to end” is pending for Storefront v")) == ("waiting", True)
    green(departure, EvidenceState.RED, name="end to end", at=make.NOW + EVERY)
    assert said(departure, CheckKind.CI)[0] == "red"


def test_evidence_counts_once_and_an_older_word_never_replaces_a_newer_one() -> None:
    departure = world.sealed(asking(CheckKind.CI))
    green(departure, at=make.NOW)
    again = actions.report_evidence(
        service=make.service(),
        version=departure.changes.get().version,
        name="build",
        state=EvidenceState.RED,
        at=make.NOW - MINUTES,
        by=CI,
        now=make.NOW,
    )
    assert (again.is_new, again.is_overtaken) == (False, True)
    assert Evidence.objects.get().state == "green"
    green(departure)
    assert world.kinds().count("evidence.reported") == 1


def test_a_window_in_the_way_is_red() -> None:
    departure = world.sealed(asking(CheckKind.WINDOWS))
    assert said(departure, CheckKind.WINDOWS) == ("green", "")
    make.window(starts_at=departure.departs_at, ends_at=departure.departs_at + 60 * MINUTES)
    state, text = said(departure, CheckKind.WINDOWS)
    assert state == "red"
    assert "Freeze" in text


def test_every_change_has_to_say_how_it_comes_back() -> None:
    departure = asking(CheckKind.ROLLBACK)
    change = world.aboard(departure, title="Show prices")
    assert said(departure, CheckKind.ROLLBACK) == (
        "red",
        "“Show prices” says no way back: write a rollback plan, or name its flag.",
    )
    change.rollback_plan = "Roll the service back; nothing was migrated."
    change.save(update_fields=["rollback_plan"])
    assert said(departure, CheckKind.ROLLBACK)[0] == "green"


def test_an_open_incident_on_a_service_aboard_is_red() -> None:
    departure = asking(CheckKind.INCIDENTS)
    world.aboard(departure)
    Incident.objects.create(service=make.service("Search"), title="Elsewhere", opened_at=make.NOW)
    assert said(departure, CheckKind.INCIDENTS)[0] == "green"
    Incident.objects.create(service=make.service(), title="Baskets are empty", opened_at=make.NOW)
    assert said(departure, CheckKind.INCIDENTS) == ("red", "“Baskets are empty” is open on Storefront.")


def test_d12_a_service_that_reports_nothing_is_no_data_and_one_that_reports_is_green() -> None:
    departure = asking(CheckKind.METRICS, CheckKind.ERROR_BUDGET)
    world.aboard(departure)
    world.aboard(departure, service=make.service("Search"))
    target = make.target()
    make.readings(target, make.NOW - MINUTES, bad=1)
    state, text = said(departure, CheckKind.METRICS)
    assert (state, text) == ("no_data", "Nothing was reported within 5 minutes: Search.")
    assert said(departure, CheckKind.ERROR_BUDGET)[0] == "no_data"
    make.readings(make.target("Search"), make.NOW - MINUTES, bad=0)
    assert said(departure, CheckKind.METRICS) == ("green", "")
    assert said(departure, CheckKind.ERROR_BUDGET) == ("green", "")
    make.readings(target, make.NOW - 10 * MINUTES, bad=50)
    state, text = said(departure, CheckKind.ERROR_BUDGET)
    assert state == "red"
    assert "Storefront: more errors in the last 24 hours than 99.9 % good answers allow." in text


def test_d12_a_team_without_a_rota_is_no_data() -> None:
    departure = asking(CheckKind.ON_CALL)
    world.aboard(departure)
    assert said(departure, CheckKind.ON_CALL) == ("no_data", "Storefront keeps no on-call rota here.")


def test_the_checklist_is_ticked_by_hand_and_a_tick_can_be_taken_back() -> None:
    departure = world.sealed(asking(manual=("Support knows",), minutes=0))
    sample(departure, make.NOW, make.NOW)
    assert unready(departure, make.NOW) == ["unready_manual"]
    actions.tick_check(departure, check=LIST, by=world.submitter(), now=make.NOW)
    actions.tick_check(departure, check=LIST, by=world.submitter(), now=make.NOW)
    assert unready(departure, make.NOW) == []
    assert world.kinds(departure).count("check.ticked") == 1
    actions.undo_check(departure, check=LIST, by=world.manager(), now=make.NOW)
    assert unready(departure, make.NOW) == ["unready_manual"]
    mark = Mark.objects.get()
    assert (mark.by_label, mark.undone_by_label, mark.revision) == ("Ada", "Rob", 1)
    with pytest.raises(CheckRefused, match="Nobody has ticked"):
        actions.undo_check(departure, check=LIST, by=world.manager(), now=make.NOW)


def test_only_what_is_on_the_list_is_ticked_and_only_by_the_crew() -> None:
    departure = world.sealed(asking(CheckKind.CI, manual=("Support knows",)))
    with pytest.raises(CheckRefused, match="looked at by itself"):
        actions.tick_check(departure, check="ci", by=world.manager(), now=make.NOW)
    with pytest.raises(CheckRefused, match="no such check"):
        actions.tick_check(departure, check="manual:Else", by=world.manager(), now=make.NOW)
    with pytest.raises(NotAllowed, match="needs the role"):
        actions.tick_check(departure, check=LIST, by=make.user("Eve", Role.VIEWER), now=make.NOW)
    with pytest.raises(NotAllowed, match="Only people"):
        actions.tick_check(departure, check=LIST, by=CI, now=make.NOW)


def test_a_waiver_needs_a_reason_and_somebody_who_has_nothing_aboard() -> None:
    departure = asking(CheckKind.CI, minutes=0)
    author = make.user("Ann", Role.RELEASE_MANAGER)
    world.aboard(departure, author=author)
    world.sealed(departure)
    departure.refresh_from_db()
    with pytest.raises(Invalid, match="Say why"):
        actions.waive_check(departure, check="ci", reason=" ", by=world.manager(), now=make.NOW)
    with pytest.raises(CheckRefused, match="somebody else must waive"):
        actions.waive_check(departure, check="ci", reason="x", by=author, now=make.NOW)
    with pytest.raises(NotAllowed):
        actions.waive_check(departure, check="ci", reason="x", by=world.submitter(), now=make.NOW)
    actions.waive_check(departure, check="ci", reason="CI is down", by=world.manager(), now=make.NOW)
    assert unready(departure, make.NOW) == []
    newest = Sample.from_json(departure.readiness)
    assert newest is not None
    assert newest.results[0].waived == "Rob: CI is down"
    assert "check.waived" in world.kinds(departure)


def test_i14_a_departure_keeps_the_checks_that_its_train_asked_for_when_it_began_to_board() -> None:
    departure = make.departure(make.train(checks=Asks((CheckKind.CI,)).to_json()), state="scheduled")
    actions.open_boarding(departure, now=make.NOW)
    departure.train.checks = {}
    departure.train.save(update_fields=["checks"])
    departure.refresh_from_db()
    assert Plan.from_json(departure.plan).checks.kinds == (CheckKind.CI,)


def test_checks_and_blockers_cost_a_verdict_no_query() -> None:
    plain, asks = world.sealed(), world.sealed(asking(CheckKind.CI))
    counts = []
    for pk in (plain.pk, asks.pk):
        departure = Departure.objects.select_related("train__team", "train__environment").get(pk=pk)
        with CaptureQueriesContext(connection) as queries:
            standing_of(departure, make.NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_what_shrinks_a_schema_waits_for_what_grows_it() -> None:
    departure = asking(CheckKind.MIGRATION)
    shrinks = world.aboard(departure, title="Drop the old column")
    state, text = said(departure, CheckKind.MIGRATION)
    assert (state, text) == ("no_data", "“Drop the old column” does not say whether it changes a schema.")
    shrinks.answers = {Question.DATA.value: "contract"}
    shrinks.save(update_fields=["answers"])
    assert said(departure, CheckKind.MIGRATION) == ("green", "")
    grows = make.change("Write the new column", answers={Question.DATA.value: "expand"})
    state, text = said(departure, CheckKind.MIGRATION)
    assert state == "red"
    assert "takes something away that “Write the new column” has not replaced yet" in text
    grows.state = "shipped"
    grows.save(update_fields=["state"])
    assert said(departure, CheckKind.MIGRATION)[0] == "green"
