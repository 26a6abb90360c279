"""Hotfixes on demand, the guard over those that are live, and broken glasses (RULES H3, H4)."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.trains import actions
from releasetrain.trains.actions import Hotfix
from releasetrain.trains.actions.refusals import HotfixRefused, SteeringRefused, VoteRefused
from releasetrain.trains.models import BreakGlass, Change, Containment, Departure, LiveFix, Train
from releasetrain.trains.queries import standing_of
from releasetrain.trains.queries.glasses import glasses_open, owed_of
from releasetrain.trains.rules.states import Choice
from releasetrain.trains.tasks import raise_overdue_reviews, tick
from tests import make
from tests.trains import world
from tests.trains.test_parallel import MANY, at_once, happened, refusals

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(hours=24)
NIGHT = "Checkout is down and everybody else sleeps."


def on_call(name: str = "Olu") -> User:
    return User.objects.filter(name=name).first() or make.user(name, Role.ON_CALL)


def asked(**fields: object) -> Hotfix:
    facts: dict[str, object] = {
        "service": make.service(),
        "environment": make.environment(),
        "version": "v1.1",
        "title": "Let people pay again",
        "reason": "Checkout answers with 500.",
    }
    return Hotfix(**{**facts, **fields})  # type: ignore[arg-type]


def started(*, by: User | None = None, now: datetime = make.NOW, **fields: object) -> Departure:
    make.target()
    if not Train.objects.exists():
        make.train(policy=make.policy(release_manager=2, on_call=1))
    return actions.start_hotfix(asked(**fields), by=by or world.submitter(), now=now)


def voted(departure: Departure, by: User, role: Role | None = None) -> bool:
    return world.vote(departure, by, now=make.NOW, role=role).cleared


def live_fix(version: str = "v1.1", **fields: object) -> LiveFix:
    return LiveFix.objects.create(
        service=make.service(), environment=make.environment(), version=version, since_at=make.NOW, **fields
    )


# -- starting one


def test_a_lane_is_made_on_the_terms_of_the_service_s_own_team() -> None:
    make.train("Somebody else’s", team=make.team("Platform"))
    own = make.train("Their own", ladder=[{"weight": 100, "bake_seconds": 7}])
    assert started().train.ladder == own.ladder


def test_h2_a_hotfix_is_an_express_departure_that_is_sealed_at_once() -> None:
    departure = started()
    assert (departure.state, departure.departs_at, departure.train.lane) == ("deciding", make.NOW, "hotfix")
    change = departure.changes.get()
    assert (change.state, change.version, change.author) == ("aboard", "v1.1", world.submitter())
    assert departure.manifests.get().content["services"][0]["version"] == "v1.1"
    assert world.kinds(departure)[:2] == ["hotfix.started", "departure.sealed"]


def test_h2_the_lane_is_made_on_the_terms_of_the_train_and_used_again() -> None:
    first = started()
    second = started(version="v1.2", now=make.NOW + timedelta(minutes=5))
    assert first.train_id == second.train_id
    lane, train = first.train, Train.objects.get(lane="train")
    assert (lane.policy_id, lane.ladder, lane.team_id) == (train.policy_id, train.ladder, train.team_id)
    actions.materialise(lane, until=make.NOW + 400 * DAY, now=make.NOW)
    assert lane.departures.count() == 2


def test_h2_a_hotfix_leaves_as_soon_as_it_is_cleared_however_long_that_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    departure = started()
    for name in ("Rob", "Zoe"):
        voted(departure, world.manager(name))
    assert voted(departure, on_call())
    monkeypatch.setattr(clock, "now", lambda: make.NOW + timedelta(hours=2))
    tick()
    departure.refresh_from_db()
    assert departure.state == "rolling"


def test_h2_the_same_version_is_under_way_once() -> None:
    first = started()
    with pytest.raises(HotfixRefused) as refused:
        started(now=make.NOW + timedelta(seconds=1))
    assert refused.value.message == f"Storefront v1.1 is under way already as the hotfix {first.code}."


def test_h2_twenty_presses_start_one_hotfix() -> None:
    make.target()
    make.train(policy=make.policy(release_manager=2, on_call=1))
    by, want = world.submitter(), asked()
    results = at_once(
        *(
            lambda tick=tick: actions.start_hotfix(want, by=by, now=make.NOW + timedelta(milliseconds=tick))
            for tick in range(MANY)
        )
    )
    assert len(refusals(results)) == MANY - 1
    assert happened("trains.hotfix.started") == 1
    assert Train.objects.filter(lane="hotfix").count() == 1


def test_h2_what_the_code_host_told_us_is_taken_along_not_doubled() -> None:
    url = "https://github.com/octo/shop/pull/7"
    waiting = make.change("Mend the till", url=url, author=make.user("Eve", Role.SUBMITTER))
    departure = started(url=url)
    assert departure.changes.get() == waiting
    assert Change.objects.count() == 1
    assert departure.changes.get().submitted_by == world.submitter()


@pytest.mark.parametrize("field", ["title", "version", "reason"])
def test_a_hotfix_says_what_is_missing(field: str) -> None:
    with pytest.raises(Invalid) as refused:
        started(**{field: "  "})  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_hotfix_needs_a_train_that_says_who_decides() -> None:
    with pytest.raises(Invalid, match="No train carries Storefront to Production"):
        actions.start_hotfix(asked(), by=world.submitter(), now=make.NOW)
    assert not Departure.objects.exists()


def test_who_does_not_know_the_service_starts_no_hotfix() -> None:
    with pytest.raises(NotAllowed, match="start a hotfix"):
        started(by=make.user("Vic", Role.VIEWER))


# -- H3: the guard


def test_h3_a_train_that_would_undo_a_live_hotfix_does_not_leave() -> None:
    departure = world.cleared()
    live_fix()
    version = departure.changes.get().version
    verdict = standing_of(departure, departure.departs_at).verdict
    assert [one.code for one in verdict.reasons] == ["hotfix_undo"]
    assert verdict.sentence().startswith(
        f"Storefront {version} is not known to contain the hotfix v1.1, live since"
    )
    assert "it would undo it" in verdict.sentence()
    actions.depart(departure, now=departure.departs_at)
    departure.refresh_from_db()
    assert (departure.state, departure.held_kind) == ("cleared", "hotfix")
    with pytest.raises(SteeringRefused, match="would undo it"):
        actions.release(departure, by=world.manager(), now=departure.departs_at)


def test_h3_it_goes_on_once_somebody_attests_that_its_version_contains_the_fix() -> None:
    departure = world.cleared()
    live_fix()
    at = departure.departs_at
    actions.depart(departure, now=at)
    version = departure.changes.get().version
    actions.attest(
        service=make.service(),
        version=version,
        contains="v1.1",
        reason="Merged by commit 12ab.",
        by=world.submitter(),
        now=at,
    )
    assert actions.recheck_hold(departure, now=at)
    departure.refresh_from_db()
    actions.depart(departure, now=departure.departs_at)
    departure.refresh_from_db()
    assert departure.state == "rolling"
    told = Event.objects.get(kind="trains.hotfix.attested")
    assert sentence(told).startswith(f"Ada attested that Storefront {version} contains v1.1: Merged by")


@pytest.mark.parametrize(
    ("version", "environment", "is_ended"),
    [("same", "production", False), ("v1.1", "staging", False), ("v1.1", "production", True)],
)
def test_h3_the_guard_stands_only_where_another_hotfix_is_live(
    version: str, environment: str, is_ended: bool
) -> None:
    departure = world.cleared()
    LiveFix.objects.create(
        service=make.service(),
        environment=make.environment(environment),
        version=departure.changes.get().version if version == "same" else version,
        since_at=make.NOW,
        ended_at=make.NOW if is_ended else None,
    )
    assert standing_of(departure, departure.departs_at).verdict.is_allowed


def test_h3_the_guard_costs_a_departure_without_hotfixes_no_query() -> None:
    departure = world.cleared()
    with CaptureQueriesContext(
        connection,
    ) as plain:
        standing_of(departure, departure.departs_at)
    assert not any("trains_containment" in one["sql"] for one in plain.captured_queries)
    assert not any('FROM "trains_livefix"' in one["sql"] for one in plain.captured_queries)


def test_h3_an_attestation_needs_a_reason_a_person_and_is_given_once() -> None:
    facts = {"service": make.service(), "version": "v2", "contains": "v1.1", "now": make.NOW}
    with pytest.raises(Invalid, match="Say how you know"):
        actions.attest(reason="", by=world.submitter(), **facts)  # type: ignore[arg-type]
    with pytest.raises(NotAllowed):
        actions.attest(reason="r", by=make.user("Vic", Role.VIEWER), **facts)  # type: ignore[arg-type]
    results = at_once(*[lambda: actions.attest(reason="r", by=world.submitter(), **facts)] * MANY)  # type: ignore[arg-type]
    assert len(refusals(results)) == MANY - 1
    assert Containment.objects.count() == happened("trains.hotfix.attested") == 1


def test_h5_a_version_that_comes_back_is_guarded_again() -> None:
    departure = started()

    def live(version: str, by: Departure | None = None) -> None:
        actions.note_version(
            service=make.service(),
            environment=make.environment(),
            version=version,
            departure=by,
            now=make.NOW,
        )

    live("v1.1", departure)
    live("v2")
    assert not LiveFix.objects.filter(ended_at=None).exists()
    live("v1.1")
    assert LiveFix.objects.get(ended_at=None).version == "v1.1"


# -- H4


def test_h4_at_night_half_the_quorum_and_on_call_let_it_go() -> None:
    departure = started(by=on_call("Ann"), break_glass=NIGHT)
    assert departure.plan["requirements"] == [
        {"role": "release_manager", "quorum": 1},
        {"role": "on_call", "quorum": 1},
    ]
    assert not voted(departure, on_call())
    assert voted(departure, world.manager())
    told = Event.objects.get(kind="trains.glass.broken")
    assert "which now asks for 1 × release manager and 1 × on-call" in sentence(told)


def test_h4_the_rest_is_owed_within_a_day_and_a_review_opens_by_itself() -> None:
    departure = started(break_glass=NIGHT, by=on_call("Ann"))
    glass = glasses_open().get()
    assert (glass.departure_id, glass.owed_until) == (departure.pk, make.NOW + DAY)
    assert glass.review_due_at > make.NOW + 5 * DAY
    assert {one["role"]: one["quorum"] for one in glass.full_asks} == {"on_call": 1, "release_manager": 2}


def gone(*names: str) -> BreakGlass:
    """Let a hotfix go by a broken glass, with these release managers in the house."""
    for name in names:
        world.manager(name)
    departure = started(break_glass=NIGHT, by=on_call("Ann"))
    voted(departure, on_call())
    voted(departure, world.manager())
    actions.depart(departure, now=make.NOW)
    return BreakGlass.objects.get(departure=departure)


def test_h4_the_votes_that_are_owed_are_given_afterwards_and_settle_the_debt() -> None:
    glass = gone("Rob", "Zoe")
    lines = {one.role: one for one in owed_of(glass)}
    assert lines[Role.RELEASE_MANAGER].words == "1 more release manager: Zoe"
    assert lines[Role.ON_CALL].lacking == 0
    actions.say_afterwards(glass, choice=Choice.GO, by=world.manager("Zoe"), now=make.NOW)
    glass.refresh_from_db()
    assert glass.confirmed_at == make.NOW
    assert happened("trains.glass.confirmed") == 1
    with pytest.raises(HotfixRefused, match="has been given"):
        actions.say_afterwards(glass, choice=Choice.GO, by=world.manager("Zoe"), now=make.NOW)


def test_h4_a_no_go_afterwards_needs_a_reason_and_pays_nothing() -> None:
    glass = gone("Zoe")
    zoe = world.manager("Zoe")
    with pytest.raises(Invalid, match="Say what was wrong"):
        actions.say_afterwards(glass, choice=Choice.NO_GO, by=zoe, now=make.NOW)
    actions.say_afterwards(glass, choice=Choice.NO_GO, reason="No test.", by=zoe, now=make.NOW)
    glass.refresh_from_db()
    assert glass.confirmed_at is None
    assert glass.departure.votes.filter(user=zoe, choice="no_go").exists()


def test_h4_nobody_pays_in_advance_or_without_the_role() -> None:
    departure = started(break_glass=NIGHT, by=on_call("Ann"))
    glass = BreakGlass.objects.get(departure=departure)
    with pytest.raises(HotfixRefused, match="has not departed yet"):
        actions.say_afterwards(glass, choice=Choice.GO, by=world.manager(), now=make.NOW)
    glass = BreakGlass.objects.get(pk=glass.pk)
    voted(departure, on_call())
    voted(departure, world.manager())
    actions.depart(departure, now=make.NOW)
    with pytest.raises(NotAllowed):
        actions.say_afterwards(glass, choice=Choice.GO, by=world.submitter(), now=make.NOW)


def test_h4_votes_and_review_that_are_overdue_are_told_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    glass = gone("Zoe")
    for at, count in (
        (make.NOW + DAY - timedelta(seconds=1), 0),
        (make.NOW + DAY, 1),
        (make.NOW + 2 * DAY, 1),
        (glass.review_due_at, 2),
        (glass.review_due_at + DAY, 2),
    ):
        monkeypatch.setattr(clock, "now", lambda at=at: at)
        raise_overdue_reviews()
        assert happened("trains.glass.overdue") == count
    first = Event.objects.filter(kind="trains.glass.overdue").order_by("pk")[0]
    assert "1 more release manager: Zoe" in sentence(first)


def test_h4_whoever_broke_the_glass_does_not_review_it() -> None:
    departure = started(break_glass=NIGHT, by=make.user("Mia", Role.RELEASE_MANAGER))
    glass = BreakGlass.objects.get(departure=departure)
    with pytest.raises(HotfixRefused, match="somebody else must review it"):
        actions.review_glass(glass, review="Fine.", by=User.objects.get(name="Mia"), now=make.NOW)
    actions.review_glass(glass, review="A page for on-call was missing.", by=world.manager(), now=make.NOW)
    glass.refresh_from_db()
    assert (glass.reviewed_by_label, glass.review) == ("Rob", "A page for on-call was missing.")
    with pytest.raises(HotfixRefused, match="reviewed already"):
        actions.review_glass(glass, review="Again.", by=world.manager(), now=make.NOW)


def test_h4_twenty_hands_break_one_glass() -> None:
    departure = started()
    people = [on_call(f"Person {number}") for number in range(MANY)]
    results = at_once(
        *(
            lambda one=one: actions.break_glass(departure, reason=NIGHT, by=one, now=make.NOW)
            for one in people
        )
    )
    assert len(refusals(results)) == MANY - 1
    assert BreakGlass.objects.count() == happened("trains.glass.broken") == 1


def test_h4_a_train_has_no_glass_and_a_submitter_breaks_none() -> None:
    with pytest.raises(HotfixRefused, match="Only a hotfix"):
        actions.break_glass(world.sealed(), reason=NIGHT, by=on_call(), now=make.NOW)
    departure = started()
    with pytest.raises(NotAllowed, match="break the glass"):
        actions.break_glass(departure, reason=NIGHT, by=make.user("Sue", Role.SUBMITTER), now=make.NOW)
    with pytest.raises(Invalid, match="Say why it cannot wait"):
        actions.break_glass(departure, reason="", by=on_call(), now=make.NOW)


def test_h4_whoever_starts_it_does_not_let_it_go() -> None:
    departure = started(break_glass=NIGHT, by=on_call("Ann"))
    vote = world.vote(departure, on_call("Ann"), now=make.NOW)
    assert "this go is not counted" in vote.not_counted
    with pytest.raises((VoteRefused, NotAllowed)):
        world.vote(departure, make.user("Vic", Role.VIEWER), now=make.NOW)
