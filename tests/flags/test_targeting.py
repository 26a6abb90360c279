import json
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.flags import actions
from releasetrain.flags.actions import NothingToRevert, SegmentDraft, Targeting, TargetingRefused
from releasetrain.flags.actions.targeting import last_of
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.serving import Serving
from releasetrain.flags.store import connect_directly, load
from releasetrain.lib.errors import Stale
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Desired
from tests import make
from tests.flags.test_serving import until

pytestmark = pytest.mark.django_db

DUTCH = {"attribute": "country", "operator": "in", "values": ["NL"]}
TO_DUTCH = [{"when": [DUTCH], "serve": {"variant": "on"}}]


def retarget(placed: FlagEnvironment, **fields: Any) -> FlagRevision | None:
    targeting = Targeting(**fields)
    return actions.retarget(
        placed, targeting, base=last_of(placed), reason="a trial", actor=None, now=make.NOW
    )


def served(placed: FlagEnvironment, **context: Any) -> dict[str, Any]:
    """Ask as an application would, from what a serving process loads."""
    with connect_directly() as connection:
        house, _ = load(connection, {})
    snapshot = house.snapshots[placed.environment.slug]
    answer: dict[str, Any] = json.loads(snapshot.single(placed.flag.key, "ada", context)[1])
    return answer


@pytest.mark.django_db(transaction=True)
def test_a_rule_is_served_to_those_whom_it_names() -> None:
    placed = make.flag_environment()
    retarget(placed, rules=TO_DUTCH)
    assert served(placed, country="NL")["value"] is True
    assert served(placed, country="BE")["value"] is False
    assert served(placed, country="BE")["reason"] == "DEFAULT"


@pytest.mark.django_db(transaction=True)
def test_named_users_come_before_rules_and_a_default_after_them() -> None:
    placed = make.flag_environment()
    retarget(placed, rules=TO_DUTCH, overrides={"ada": "off"}, default={"variant": "on"})
    assert served(placed, country="NL")["variant"] == "off"
    placed.overrides = {}
    placed.save(update_fields=["overrides"])
    assert served(placed, country="BE")["variant"] == "on"


def test_a_change_is_a_revision_that_says_what_was_before() -> None:
    placed = make.flag_environment()
    revision = retarget(placed, rules=TO_DUTCH)
    assert revision is not None
    assert (revision.before.get("rules"), revision.after["rules"]) == (None, TO_DUTCH)
    assert retarget(placed, rules=TO_DUTCH) is None


def test_a_change_made_from_an_older_revision_is_refused() -> None:
    placed = make.flag_environment()
    base = last_of(placed)
    retarget(placed, rules=TO_DUTCH)
    with pytest.raises(Stale, match="has changed since"):
        actions.retarget(placed, Targeting(), base=base, reason="", actor=None, now=make.NOW)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("rules", [{"when": [{"segment": "nobody"}], "serve": {"variant": "on"}}], "no segment"),
        ("rules", [{"when": [DUTCH], "serve": {"variant": "blue"}}], "no variant “blue”"),
        ("rules", [{"when": [{**DUTCH, "operator": "like"}], "serve": {"variant": "on"}}], "compare by"),
        ("rules", [{"when": [DUTCH], "serve": {"split": [["on", 0]]}}], "add up to something"),
        ("default", {"ramp": 5, "serve": {"variant": "on"}}, "cannot leave anybody out"),
        ("overrides", {"": "on"}, "targeting key"),
        ("prerequisites", [["new-checkout", ["on"]]], "circle: new-checkout → new-checkout"),
        ("prerequisites", [["unknown", ["on"]]], "no flag “unknown”"),
    ],
)
def test_what_cannot_be_served_is_refused_in_a_sentence(field: str, value: Any, sentence: str) -> None:
    placed = make.flag_environment()
    with pytest.raises(TargetingRefused) as refused:
        retarget(placed, **{field: value})
    assert sentence in refused.value.problems[field]
    assert FlagRevision.objects.count() == 0


def test_a_circle_over_several_flags_is_printed() -> None:
    first, second = make.flag_environment("first"), make.flag_environment("second")
    retarget(first, prerequisites=[["second", ["on"]]])
    with pytest.raises(TargetingRefused, match="second → first → second"):
        retarget(second, prerequisites=[["first", ["on"]]])


def test_a_chain_of_prerequisites_ends_somewhere() -> None:
    placed = [make.flag_environment(f"flag-{number}") for number in range(7)]
    for one, other in zip(placed[1:6], placed[:5], strict=True):
        retarget(one, prerequisites=[[other.flag.key, ["on"]]])
    with pytest.raises(TargetingRefused, match="5 deep"):
        retarget(placed[6], prerequisites=[["flag-5", ["on"]]])


@pytest.mark.django_db(transaction=True)
def test_a_prerequisite_that_is_not_met_switches_off_and_says_so() -> None:
    first, second = make.flag_environment("first"), make.flag_environment("second", percentage=100_000)
    retarget(second, prerequisites=[["first", ["on"]]])
    answer = served(second)
    assert (answer["value"], answer["reason"]) == (False, "DISABLED")
    assert answer["metadata"]["prerequisite"] == "first"
    actions.set_percentage(first, 100_000, fence=1, key="k", reason="", actor=None, now=make.NOW)
    assert served(second)["value"] is True


def test_a_revision_is_reverted_by_one_action_that_is_a_revision_itself() -> None:
    placed = make.flag_environment()
    revision = retarget(placed, rules=TO_DUTCH)
    assert revision is not None
    back = actions.revert(revision, reason="", actor=None, now=make.NOW)
    placed.refresh_from_db()
    assert back is not None
    assert (placed.rules, back.reason) == ([], f"Reverts revision {revision.number}.")


def test_a_revision_that_targeted_nobody_anew_cannot_be_reverted() -> None:
    placed = make.flag_environment()
    revision = actions.kill(placed, reason="errors", actor=None, now=make.NOW)
    assert revision is not None
    with pytest.raises(NothingToRevert):
        actions.revert(revision, reason="", actor=None, now=make.NOW)


def test_in_a_freeze_a_person_may_target_nobody_but_the_off_variant() -> None:
    placed = make.flag_environment()
    ada = make.user("Ada", Role.RELEASE_MANAGER)
    make.window("Freeze")
    with pytest.raises(actions.FlagFrozen, match="Freeze"):
        actions.retarget(placed, Targeting(rules=TO_DUTCH), base=0, reason="a trial", actor=ada, now=make.NOW)
    off = Targeting(overrides={"ada": "off"})
    assert actions.retarget(placed, off, base=0, reason="", actor=ada, now=make.NOW) is not None


@pytest.mark.django_db(transaction=True)
def test_a_segment_that_changes_changes_what_is_served() -> None:
    placed = make.flag_environment()
    draft = SegmentDraft("testers", "Testers", make.team(), keys=["ada"])
    actions.save_segment(draft, actor=None, now=make.NOW)
    retarget(placed, rules=[{"when": [{"segment": "testers"}], "serve": {"variant": "on"}}])
    assert served(placed)["value"] is True
    other = SegmentDraft("testers", "Testers", make.team(), conditions=[DUTCH])
    actions.save_segment(other, actor=None, now=make.NOW)
    assert served(placed)["value"] is False
    assert served(placed, country="NL")["value"] is True


def test_a_segment_that_is_named_cannot_be_removed() -> None:
    placed = make.flag_environment()
    segment = actions.save_segment(
        SegmentDraft("testers", "Testers", make.team(), keys=["ada"]), actor=None, now=make.NOW
    )
    retarget(placed, rules=[{"when": [{"not": {"segment": "testers"}}], "serve": {"variant": "on"}}])
    with pytest.raises(actions.SegmentInUse, match="new-checkout in Production"):
        actions.remove_segment(segment, actor=None, now=make.NOW)
    retarget(placed)
    actions.remove_segment(segment, actor=None, now=make.NOW)
    segment.refresh_from_db()
    assert segment.removed_at == make.NOW


def test_segments_in_a_circle_are_refused() -> None:
    first = SegmentDraft("first", "First", make.team(), conditions=[DUTCH])
    actions.save_segment(first, actor=None, now=make.NOW)
    second = SegmentDraft("second", "Second", make.team(), conditions=[{"segment": "first"}])
    actions.save_segment(second, actor=None, now=make.NOW)
    back = SegmentDraft("first", "First", make.team(), conditions=[{"segment": "second"}])
    with pytest.raises(TargetingRefused, match="first → second → first"):
        actions.save_segment(back, actor=None, now=make.NOW)


@pytest.mark.django_db(transaction=True)
def test_what_is_too_long_for_a_message_is_read_again(tmp_path: Any) -> None:
    placed = make.flag_environment()
    source = Serving(tmp_path / "snapshot.json")
    source.start()
    try:
        assert source.wait(10)
        many = [{**DUTCH, "values": [f"country-{number:05}" for number in range(600)]}]
        retarget(placed, rules=[{"when": many, "serve": {"variant": "on"}}])
        until(lambda: bool(source.house.snapshots["production"].flags["new-checkout"].state.rules))
        actions.kill(placed, reason="errors", actor=None, now=make.NOW)
        until(lambda: source.house.snapshots["production"].flags["new-checkout"].state.killed)
    finally:
        source.stop()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_it_back_from_those_whom_rules_name_too() -> None:
    placed = make.flag_environment(percentage=10_000)
    retarget(
        placed, rules=TO_DUTCH, overrides={"bo": "on"}, default={"split": [["on", 50_000], ["off", 50_000]]}
    )
    driver, target = driver_for("flag"), make.target()
    assert served(placed, country="NL")["value"] is True
    driver.rollback(target, fence=5, key="1:5", deadline=2.0)
    for country in ("NL", "BE"):
        assert served(placed, country=country)["value"] is False
    again = Desired(target, 1, 6, "v2")
    driver.apply(again, key="1:6", deadline=2.0)
    assert served(placed, country="NL")["value"] is True


def test_a_rollback_at_nothing_is_a_revision_where_rules_name_somebody() -> None:
    placed = make.flag_environment()
    retarget(placed, rules=TO_DUTCH)
    driver, target = driver_for("flag"), make.target()
    driver.rollback(target, fence=5, key="1:5", deadline=2.0)
    driver.rollback(target, fence=5, key="1:5", deadline=2.0)
    revisions = FlagRevision.objects.order_by("number")
    assert [one.after.get("taken_back", False) for one in revisions] == [False, True]
