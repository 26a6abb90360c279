"""What DRIVERS.md asks of every driver, shown over the real thing; timings are measured by `bench drivers`.

What a driver's capabilities do not claim, and what makes no sense for its rig, is skipped with that reason.
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from releasetrain.rollouts.drivers.base import Arm, Desired, Outcome, Sync
from releasetrain.rollouts.drivers.fields import problems_of
from tests.drivers.rig import FENCES, NEW, OLD, Crowd, Rig, census, until
from tests.drivers.steps import TAKEN, apply, arrived, back, can, key, look, move, need

ROOT = Path(__file__).parents[2]
STAGES = (1, 5, 10, 25, 50)
USERS = 600
SHIFTS = 20


def those_in(rig: Rig, weight: int) -> set[int]:
    """Move users to a stage, and return the numbers of those who got the new version."""
    move(rig, weight)
    return {number for number, version in enumerate(census(rig, USERS)) if version == NEW}


@pytest.fixture
def climbed(rig: Rig) -> dict[int, set[int]]:
    """Climb once for each driver: who was in at each stage; the second 10 % is kept as -10."""
    need(rig, "users")
    if not hasattr(rig, "climbed"):
        stages = {weight: those_in(rig, weight) for weight in (0, *STAGES, 100)}
        rig.climbed = stages | {-10: those_in(rig, 10)}  # type: ignore[attr-defined]
    found: dict[int, set[int]] = rig.climbed  # type: ignore[attr-defined]
    return found


def test_exact_at_0_and_100(climbed: dict[int, set[int]]) -> None:
    assert len(climbed[0]) == 0
    assert len(climbed[100]) == USERS


def test_split_within_3_5_standard_deviations(climbed: dict[int, set[int]]) -> None:
    for weight in STAGES:
        share = weight / 100
        most = 3.5 * math.sqrt(USERS * share * (1 - share))
        assert abs(len(climbed[weight]) - USERS * share) <= most, weight


def test_sticky_whoever_is_in_at_a_stage_is_in_at_the_next_and_the_same_stage_has_the_same_users(
    rig: Rig, climbed: dict[int, set[int]]
) -> None:
    can(rig, "is_sticky")
    for lower, higher in zip(STAGES, (*STAGES[1:], 100), strict=True):
        assert climbed[lower] <= climbed[higher], (lower, higher)
    assert climbed[-10] == climbed[10]


def test_sticky_a_user_nobody_knows_gets_the_old_version(rig: Rig) -> None:
    need(rig, "users")
    can(rig, "is_sticky")
    move(rig, 50)
    assert {rig.ask("").version for _ in range(20)} == {OLD}


def test_no_request_fails_in_many_shifts(rig: Rig) -> None:
    need(rig, "users")
    if rig.driver.capabilities.drops_on_shift:
        pytest.skip(f"{rig.kind} says that it drops requests on a shift")
    with Crowd(rig) as crowd:
        for number in range(SHIFTS):
            move(rig, STAGES[number % len(STAGES)])
            crowd.more(10)
    assert [one for one in crowd.asked if one.answer.is_failed] == []
    assert len(crowd.asked) >= SHIFTS * 10


def test_instant_no_candidate_request_is_sent_after_the_rollback_call_returned(rig: Rig) -> None:
    need(rig, "users")
    can(rig, "is_instant")
    for _ in range(5):
        move(rig, 50)
        with Crowd(rig) as crowd:
            crowd.more(50)
            fence = next(FENCES)
            ack = rig.driver.rollback(rig.target, fence=fence, key=key(rig, fence, "rollback"), deadline=5)
            returned_at = time.monotonic()
            crowd.more(100)
        assert ack.outcome in TAKEN
        assert {one.answer.version for one in crowd.asked if one.sent_at < returned_at} >= {NEW}
        late = [one for one in crowd.asked if one.sent_at > returned_at and one.answer.version != OLD]
        assert late == []
        arrived(rig, 0, fence)


def test_an_older_fence_is_refused_and_the_same_one_is_a_no_op(rig: Rig) -> None:
    can(rig, "is_fenced")
    older = next(FENCES)
    fence = move(rig, 25)
    assert apply(rig, 50, older).outcome is Outcome.REFUSED
    assert look(rig).weight == 25
    assert apply(rig, 25, fence).outcome in TAKEN
    arrived(rig, 25, fence)
    fence = back(rig)
    assert apply(rig, 50, fence - 1).outcome is Outcome.REFUSED
    assert rig.driver.rollback(rig.target, fence=fence, key="again", deadline=5).outcome in TAKEN
    arrived(rig, 0, fence)


def test_the_read_back_is_true_and_drift_is_found(rig: Rig) -> None:
    need(rig, "drift")
    move(rig, 25)
    assert look(rig).state is Sync.SYNCED
    rig.drift(33)
    until(lambda: is_drifted(rig), "nobody sees the drift", lambda: str(look(rig)))
    fence = back(rig)
    arrived(rig, 0, fence)


def is_drifted(rig: Rig) -> bool:
    seen = look(rig)
    return seen.state in (Sync.DRIFTED, Sync.PARTIAL) or seen.weight == 33


ELSEWHERE = """
import json, sys, django
django.setup()
from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers import driver_for
told = json.load(sys.stdin)
fence = told.pop("fence")
target = Target(**told)
ack = driver_for(target.driver).rollback(target, fence=fence, key="elsewhere", deadline=10)
print(ack.outcome)
"""


def test_rollback_from_another_process_without_redis(rig: Rig) -> None:
    move(rig, 50)
    fence, name = next(FENCES), connection.settings_dict["NAME"]
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()
    rig.target.refresh_from_db()
    told = {name: getattr(rig.target, name) for name in ("id", "driver", "driver_config")}
    told |= {"service_id": rig.target.service_id, "environment_id": rig.target.environment_id}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(told | {"fence": fence}),
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "releasetrain.settings",
            "DATABASE_URL": address,
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() in TAKEN, done.stderr[-2000:]
    arrived(rig, 0, fence)


def test_late_apply_ends_at_the_newest_generation(rig: Rig) -> None:
    need(rig, "freeze")
    move(rig, 10)
    older, newer = next(FENCES), next(FENCES)
    rig.freeze()
    try:
        assert apply(rig, 50, older, deadline=0.5).outcome not in (Outcome.CONFIRMED, Outcome.REFUSED)
        rig.driver.rollback(rig.target, fence=newer, key=key(rig, newer, "rollback"), deadline=0.5)
    finally:
        rig.thaw()
    until(
        lambda: (
            rig.driver.rollback(rig.target, fence=newer, key=key(rig, newer, "rollback"), deadline=5).outcome
            in TAKEN
        ),
        "the rollback is never taken",
    )
    arrived(rig, 0, newer)
    if rig.driver.capabilities.is_fenced:
        assert apply(rig, 50, older).outcome is Outcome.REFUSED
        arrived(rig, 0, newer)


def test_restarted_proxy_says_what_it_is(rig: Rig) -> None:
    need(rig, "restart")
    fence = move(rig, 25)
    rig.restart()
    if rig.driver.capabilities.is_persistent:
        arrived(rig, 25, fence)
    else:
        until(lambda: look(rig).weight in (0, 25), "what is there after the restart", lambda: str(look(rig)))


def test_unreachable_is_said_within_the_deadline_and_health_is_red(rig: Rig) -> None:
    need(rig, "break_link")
    move(rig, 10)
    rig.break_link()
    try:
        seen = rig.driver.observe(rig.target, deadline=1)
        assert (seen.state, seen.weight) in ((Sync.UNREACHABLE, None), (Sync.UNKNOWN, None))
        ack = apply(rig, 25, next(FENCES), deadline=1)
        assert ack.outcome in (Outcome.UNKNOWN, Outcome.REFUSED)
        rig.target.refresh_from_db()
        health = rig.driver.health(rig.target)
        assert not health.is_well
        assert health.detail
    finally:
        rig.mend_link()
    back(rig)


def test_wrong_version_behind_the_candidate_is_refused_by_prepare(rig: Rig) -> None:
    need(rig, "servers")
    rig.new.version = "v3"
    try:
        ack = rig.driver.prepare(Desired(rig.target, 1, next(FENCES), NEW), key="prepare", deadline=5)
    finally:
        rig.new.version = NEW
    assert ack.outcome is Outcome.REFUSED
    assert "v3" in ack.detail
    ack = rig.driver.prepare(Desired(rig.target, 1, next(FENCES), NEW), key="prepare", deadline=5)
    assert ack.outcome is Outcome.CONFIRMED, ack.detail


def test_prepare_refuses_while_no_candidate_is_reachable(rig: Rig) -> None:
    need(rig, "servers")
    rig.kill_candidate()
    try:
        ack = rig.driver.prepare(Desired(rig.target, 1, next(FENCES), NEW), key="prepare", deadline=2)
    finally:
        rig.revive_candidate()
    assert ack.outcome is not Outcome.CONFIRMED
    assert ack.detail


def test_a_dead_candidate_costs_no_user_anything_and_is_said(rig: Rig) -> None:
    need(rig, "servers")
    can(rig, "falls_over")
    move(rig, 50)
    rig.kill_candidate()
    try:
        assert set(census(rig, 100)) == {OLD}
        dead = [one for one in rig.driver.health(rig.target).servers if not one.is_up]
        assert [one.arm for one in dead] == [Arm.CANDIDATE]
    finally:
        rig.revive_candidate()
    until(lambda: NEW in census(rig, 40), "the candidate does not come back")


def test_a_shadow_never_reaches_users_and_a_dead_one_hurts_nobody(rig: Rig) -> None:
    need(rig, "servers")
    can(rig, "can_mirror")
    move(rig, 0, mirror=100)
    before = len(rig.new.asked)
    assert set(census(rig, 100)) == {OLD}
    until(lambda: len(rig.new.asked) >= before + 50, "no shadow is seen")
    assert look(rig).mirror == 100
    rig.kill_candidate()
    try:
        assert set(census(rig, 100)) == {OLD}
    finally:
        rig.revive_candidate()
    back(rig)
    assert look(rig).mirror == 0
    seen = len(rig.new.asked)
    assert set(census(rig, 40)) == {OLD}
    assert len(rig.new.asked) == seen


def test_drained_counts_what_is_open_and_cut_closes_that_alone(rig: Rig) -> None:
    can(rig, "can_drain")
    move(rig, 50)
    users = {version: f"user-{number}" for number, version in enumerate(census(rig, 60))}
    on_new, on_old = rig.open_stream(users[NEW]), rig.open_stream(users[OLD])
    assert (on_new.version, on_old.version) == (NEW, OLD)
    try:
        back(rig)
        until(
            lambda: (rig.driver.drain(rig.target, cut=False, deadline=2).open_connections or 0) >= 1,
            "no open connection is counted",
        )
        assert on_new.is_open()
        if rig.driver.capabilities.can_cut:
            assert rig.driver.drain(rig.target, cut=True, deadline=5).was_cut
            until(lambda: not on_new.is_open(), "the candidate's connection stays open")
        else:
            on_new.close()
        until(
            lambda: rig.driver.drain(rig.target, cut=False, deadline=2).is_drained,
            "it is never drained",
        )
        assert on_old.is_open()
    finally:
        on_new.close()
        on_old.close()


def test_check_finds_nothing_that_blocks_and_changes_nothing(rig: Rig) -> None:
    before = look(rig)
    config = rig.target.driver_config
    assert problems_of(rig.driver.fields, config) == []
    assert [one.text for one in rig.driver.check(rig.target, config) if one.is_blocking] == []
    after = look(rig)
    assert (after.weight, after.fence, after.state) == (before.weight, before.fence, before.state)


def test_check_says_what_an_empty_configuration_lacks(rig: Rig) -> None:
    wanted = [field for field in rig.driver.fields if field.is_required]
    if not wanted:
        pytest.skip(f"{rig.kind} needs no configuration")
    assert len(problems_of(rig.driver.fields, {})) == len(wanted)
    assert any(one.is_blocking for one in rig.driver.check(rig.target, {}))


def test_health_names_the_servers_behind_it(rig: Rig) -> None:
    need(rig, "servers")
    health = rig.driver.health(rig.target)
    assert health.is_well, health.detail
    assert {(one.arm, one.is_up, one.version) for one in health.servers} == {
        (Arm.CANDIDATE, True, NEW),
        (Arm.BASELINE, True, OLD),
    }


def test_two_calls_at_once_end_at_the_newer_one(rig: Rig) -> None:
    can(rig, "is_fenced")
    older, newer = next(FENCES), next(FENCES)

    def set_older() -> None:
        apply(rig, 50, older)
        connection.close()

    thread = threading.Thread(target=set_older)
    thread.start()
    apply(rig, 10, newer)
    thread.join()
    until(lambda: apply(rig, 10, newer).outcome in TAKEN, "the newer one is never taken")
    arrived(rig, 10, newer)
