"""What windows forbid people to do with flags, and what they never do (RULES W9, W12)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service, Target
from releasetrain.events.actions import SystemActor
from releasetrain.events.models import Event
from releasetrain.flags import actions
from releasetrain.flags.actions import FlagFrozen
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from releasetrain.flags.queries import verdicts_on
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Desired, Outcome
from tests import make

pytestmark = pytest.mark.django_db

NOW = make.NOW
ENGINE = SystemActor("rollout engine")
Switch = Callable[[FlagEnvironment, Any, str], object]


def raised(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.set_percentage(one, 50_000, fence=1, key="k", reason=reason, actor=actor, now=NOW)


def lowered(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.set_percentage(one, 1_000, fence=1, key="k", reason=reason, actor=actor, now=NOW)


def enabled(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.enable(one, reason=reason, actor=actor, now=NOW)


def disabled(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.disable(one, reason=reason, actor=actor, now=NOW)


def killed(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.kill(one, reason=reason, actor=actor, now=NOW)


def revived(one: FlagEnvironment, actor: Any, reason: str) -> object:
    return actions.unkill(one, reason=reason, actor=actor, now=NOW)


STATES: dict[Switch, dict[str, Any]] = {
    raised: {"percentage": 10_000},
    enabled: {"enabled": False},
    revived: {"killed_at": NOW},
    lowered: {"percentage": 10_000},
    disabled: {"enabled": True},
    killed: {},
}
ONS, OFFS = [raised, enabled, revived], [lowered, disabled, killed]


def flag(switch: Switch) -> FlagEnvironment:
    return make.flag_environment(**STATES[switch])


def person() -> User:
    return make.user("Ada")


@pytest.mark.parametrize("switch", ONS)
def test_w12_nobody_reaches_more_users_while_the_line_is_stopped(switch: Switch) -> None:
    one = flag(switch)
    stop = make.window("everything", stops_the_line=True, reason="outage")
    with pytest.raises(FlagFrozen, match=r"“Stop the line: everything” stops this: outage\.") as refused:
        switch(one, person(), "Because.")
    assert refused.value.until == stop.ends_at
    assert "a release manager or an administrator" in refused.value.who
    assert (FlagRevision.objects.count(), Event.objects.count()) == (0, 0)


@pytest.mark.parametrize("switch", OFFS)
def test_w9_less_is_always_allowed(switch: Switch) -> None:
    one = flag(switch)
    make.window("everything", stops_the_line=True)
    make.window(level="soft")
    assert switch(one, person(), "") is not None


@pytest.mark.parametrize("switch", ONS)
def test_w12_the_engine_is_not_asked_twice(switch: Switch) -> None:
    one = flag(switch)
    make.window("everything", stops_the_line=True)
    assert switch(one, ENGINE, "") is not None


def test_w9_the_drivers_way_back_passes_every_window() -> None:
    one = make.flag_environment(percentage=50_000)
    make.window("everything", stops_the_line=True)
    target, driver = make.target(), driver_for("flag")
    assert driver.rollback(target, fence=3, key="k", deadline=1).outcome is Outcome.CONFIRMED
    assert driver.apply(Desired(target, 5, 4, "v2"), key="k", deadline=1).outcome is Outcome.CONFIRMED
    one.refresh_from_db()
    assert one.percentage == 5_000


@pytest.mark.parametrize(
    ("lanes", "is_refused"), [((), True), (("flags",), True), (("train", "flags"), True), (("train",), False)]
)
def test_w12_only_windows_of_the_lane_flags_count(lanes: tuple[str, ...], *, is_refused: bool) -> None:
    one = flag(raised)
    make.window(lanes=lanes)
    assert verdicts_on([one], NOW)[one.pk].is_allowed is not is_refused


def test_w12_a_window_covers_flags_of_its_team_environment_and_service() -> None:
    one = flag(raised)
    search = Service.objects.create(slug="search", name="Search", team=make.team("Discovery"))
    Target.objects.create(
        service=search, environment=make.environment(), driver="flag", driver_config={"flag": "new-checkout"}
    )
    covers: dict[str, dict[str, Any]] = {
        "everything": {},
        "its owner": {"team": make.team()},
        "its environment": {"environment": make.environment()},
        "its service": {"service": search},
        "its service’s team": {"team": make.team("Discovery")},
    }
    misses: dict[str, dict[str, Any]] = {
        "another team": {"team": make.team("Payments")},
        "another environment": {"environment": make.environment("staging")},
        "another service": {"service": make.service("Pricing")},
    }
    for name, where in (covers | misses).items():
        window = make.window(name, **where)
        assert verdicts_on([one], NOW)[one.pk].is_allowed is (name in misses), name
        window.delete()


def test_w12_a_service_that_a_window_leaves_out_keeps_its_flag() -> None:
    one = flag(raised)
    make.target()
    make.window(excludes=[{"service": make.service()}])
    assert verdicts_on([one], NOW)[one.pk].is_allowed


def test_w12_the_flag_of_another_environment_is_not_covered() -> None:
    one = flag(raised)
    search = Service.objects.create(slug="search", name="Search", team=make.team("Discovery"))
    Target.objects.create(
        service=search,
        environment=make.environment("staging"),
        driver="flag",
        driver_config={"flag": "new-checkout"},
    )
    make.window(service=search)
    assert verdicts_on([one], NOW)[one.pk].is_allowed


def test_t13_a_window_that_ends_now_stops_nothing() -> None:
    one = flag(raised)
    make.window(starts_at=NOW - timedelta(hours=1), ends_at=NOW)
    assert raised(one, person(), "") is not None


@pytest.mark.parametrize("switch", ONS)
def test_a_soft_window_asks_for_a_reason_and_keeps_it(switch: Switch) -> None:
    one = flag(switch)
    make.window(level="soft")
    with pytest.raises(FlagFrozen, match="Give a reason"):
        switch(one, make.user("Ada"), " ")
    switch(one, make.user("Bob"), "Support knows")
    assert FlagRevision.objects.get().reason == "Support knows"


def test_w12_a_flag_that_would_be_on_at_once_is_refused_and_one_that_is_off_is_not() -> None:
    make.window(stops_the_line=True)
    asked: dict[str, Any] = {"owner": make.team(), "environments": [make.environment()], "now": NOW}
    with pytest.raises(FlagFrozen):
        actions.create_flag(key="on", percentage=100, actor=person(), **asked)
    flag = actions.create_flag(key="off", actor=person_again(), **asked)
    with pytest.raises(FlagFrozen):
        actions.add_to_environment(
            flag, make.environment("staging"), percentage=100, actor=person_again(), now=NOW
        )
    assert FlagEnvironment.objects.count() == 1


def person_again() -> User:
    return User.objects.get(name="Ada")


@pytest.mark.parametrize("count", [1, 3])
def test_judging_flags_takes_as_many_queries_for_many_as_for_one(
    count: int, django_assert_max_num_queries: Any
) -> None:
    flags = [make.flag_environment(f"flag-{number}") for number in range(count)]
    make.window(environment=make.environment())
    with django_assert_max_num_queries(5):
        assert not any(verdict.is_allowed for verdict in verdicts_on(flags, NOW).values())
