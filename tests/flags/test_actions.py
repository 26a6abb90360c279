import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from releasetrain.events.actions import SystemActor
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.flags import actions
from releasetrain.flags.actions import revising
from releasetrain.flags.models import Flag, FlagEnvironment, FlagKind, FlagRevision
from releasetrain.flags.queries import read_back
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief
from tests import make

ENGINE = SystemActor("rollout engine")


def move(flag: FlagEnvironment, thousandths: int, fence: int) -> FlagRevision | None:
    return actions.set_percentage(
        flag, thousandths, fence=fence, key=f"1:{fence}:apply", reason="stage", actor=ENGINE, now=make.NOW
    )


@pytest.mark.django_db
def test_a_new_flag_is_off_in_each_environment_and_has_a_salt_of_its_own() -> None:
    user = make.user("Ada")
    places = [make.environment("production"), make.environment("staging")]
    flag = actions.create_flag(
        key="new-search", owner=make.team(), environments=places, actor=user, now=make.NOW
    )
    states = list(flag.environments.order_by("environment__slug"))
    assert [(one.environment.slug, one.percentage, one.enabled, one.killed_at) for one in states] == [
        ("production", 0, True, None),
        ("staging", 0, True, None),
    ]
    assert len({one.salt for one in states}) == 2
    assert list(flag.revisions.values_list("number", "actor")) == [(1, user.pk), (1, user.pk)]
    assert list(Event.objects.order_by("pk").values_list("kind", flat=True)) == [
        "flags.flag.created",
        "flags.flag.placed",
        "flags.flag.placed",
    ]


@pytest.mark.django_db
def test_a_key_can_be_taken_once() -> None:
    first: dict[str, Any] = {
        "key": "new-search",
        "owner": make.team(),
        "environments": [make.environment()],
        "kind": FlagKind.OPS,
        "actor": None,
        "now": make.NOW,
    }
    actions.create_flag(**first)
    with pytest.raises(actions.FlagExists, match="choose another key"):
        actions.create_flag(**first)
    assert Flag.objects.count() == 1


@pytest.mark.django_db
def test_a_key_that_cannot_stand_in_an_address_is_refused() -> None:
    with pytest.raises(Invalid) as refusal:
        actions.create_flag(key="new search", owner=make.team(), environments=[], actor=None, now=make.NOW)
    assert refusal.value.field == "key"


@pytest.mark.django_db
def test_a_flag_is_in_an_environment_once() -> None:
    state = make.flag_environment()
    with pytest.raises(actions.FlagExists, match="is in Production already"):
        actions.add_to_environment(state.flag, state.environment, actor=None, now=make.NOW)
    added = actions.add_to_environment(
        state.flag, make.environment("staging"), percentage=1_000, actor=None, now=make.NOW
    )
    assert added.percentage == 1_000


@pytest.mark.django_db
def test_moving_the_percentage_leaves_a_revision_and_a_sentence() -> None:
    state = make.flag_environment()
    revision = move(state, 5_000, fence=3)
    assert revision is not None
    assert (revision.number, revision.actor_label) == (1, "rollout engine")
    assert (revision.before["percentage"], revision.after["percentage"]) == (0, 5_000)
    assert read_back(state).effective == 5_000
    assert read_back(state).fence == 3
    assert sentence(Event.objects.get()) == (
        "rollout engine moved new-checkout in Production from 0 % to 5 %"
    )


@pytest.mark.django_db
def test_an_older_fence_is_refused_and_changes_nothing() -> None:
    state = make.flag_environment()
    move(state, 0, fence=9)
    with pytest.raises(actions.FenceTooOld, match="under fence 9"):
        move(state, 50_000, fence=8)
    assert (read_back(state).percentage, read_back(state).fence) == (0, 9)


@pytest.mark.django_db
def test_the_same_write_again_changes_nothing() -> None:
    state = make.flag_environment()
    assert move(state, 5_000, fence=3) is not None
    assert move(state, 5_000, fence=3) is None
    assert FlagRevision.objects.count() == 1
    assert Event.objects.count() == 1


@pytest.mark.django_db
def test_a_newer_fence_is_remembered_even_when_the_value_stays() -> None:
    state = make.flag_environment()
    move(state, 5_000, fence=3)
    assert move(state, 5_000, fence=7) is None
    with pytest.raises(actions.FenceTooOld):
        move(state, 10_000, fence=6)


@pytest.mark.django_db
def test_a_percentage_beyond_the_whole_is_refused() -> None:
    with pytest.raises(Invalid, match="between 0 and 100"):
        move(make.flag_environment(), 100_001, fence=1)


@pytest.mark.django_db
def test_a_kill_needs_no_fence_and_no_reason_and_wins() -> None:
    state = make.flag_environment(percentage=50_000, fence=1_000)
    on_call = make.user("Grace")
    revision = actions.kill(state, actor=on_call, now=make.NOW)
    assert revision is not None
    assert (revision.before["killed"], revision.after["killed"]) == (False, True)
    seen = read_back(state)
    assert (seen.percentage, seen.effective, seen.killed) == (50_000, 0, True)
    assert sentence(Event.objects.get()) == ("Grace killed new-checkout in Production: no reason was given")


@pytest.mark.django_db
def test_a_kill_accepts_a_reason_of_any_length() -> None:
    state = make.flag_environment()
    actions.kill(state, reason="x" * 5_000, actor=None, now=make.NOW)
    state.refresh_from_db()
    assert state.killed_reason == "x" * 300


@pytest.mark.django_db
def test_a_second_kill_keeps_the_time_of_the_first() -> None:
    state = make.flag_environment()
    actions.kill(state, reason="errors", actor=None, now=make.NOW)
    assert actions.kill(state, reason="again", actor=None, now=make.NOW + timedelta(hours=1)) is None
    state.refresh_from_db()
    assert (state.killed_at, state.killed_reason) == (make.NOW, "errors")


@pytest.mark.django_db
def test_a_killed_flag_comes_back_at_its_percentage() -> None:
    state = make.flag_environment(percentage=25_000)
    actions.kill(state, actor=None, now=make.NOW)
    actions.unkill(state, reason="fixed", actor=None, now=make.NOW)
    assert read_back(state).effective == 25_000
    with pytest.raises(actions.NotKilled, match="nothing to revive"):
        actions.unkill(state, actor=None, now=make.NOW)


@pytest.mark.django_db
def test_a_percentage_moves_under_a_kill_without_ending_it() -> None:
    state = make.flag_environment(percentage=25_000)
    actions.kill(state, actor=None, now=make.NOW)
    move(state, 50_000, fence=1)
    assert (read_back(state).percentage, read_back(state).effective) == (50_000, 0)


@pytest.mark.django_db
def test_a_disabled_flag_gives_nobody_anything_until_it_is_enabled() -> None:
    state = make.flag_environment(percentage=25_000)
    assert actions.disable(state, actor=None, now=make.NOW) is not None
    assert read_back(state).effective == 0
    assert actions.disable(state, actor=None, now=make.NOW) is None
    assert actions.enable(state, actor=None, now=make.NOW) is not None
    assert read_back(state).effective == 25_000
    assert actions.enable(state, actor=None, now=make.NOW) is None


@pytest.mark.django_db
def test_a_write_that_fails_leaves_neither_revision_nor_event() -> None:
    state = make.flag_environment()
    with pytest.raises(RuntimeError), transaction.atomic():
        move(state, 5_000, fence=1)
        raise RuntimeError
    assert FlagRevision.objects.count() == Event.objects.count() == 0
    assert read_back(state).percentage == 0


@pytest.mark.django_db(transaction=True)
def test_revisions_are_one_sequence_under_parallel_writers() -> None:
    flags = [make.flag_environment(f"flag-{number}") for number in range(4)]
    faults: list[BaseException] = []

    def write(flag: FlagEnvironment) -> None:
        try:
            for step in range(1, 11):
                move(flag, step * 1_000, fence=step)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            faults.append(error)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=[flag]) for flag in flags]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert faults == []
    by_commit = Event.objects.order_by("link__position").values_list("data__revision", flat=True)
    assert list(by_commit) == list(range(1, 41))
    assert list(FlagRevision.objects.order_by("number").values_list("number", flat=True)) == list(
        range(1, 41)
    )


@pytest.mark.django_db(transaction=True)
def test_the_newest_fence_stands_whatever_the_order_of_arrival() -> None:
    state = make.flag_environment()
    refused: list[int] = []

    def write(fence: int) -> None:
        try:
            move(state, fence * 1_000, fence=fence)
        except actions.FenceTooOld:
            refused.append(fence)
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write, args=[fence]) for fence in (5, 1, 4, 2, 3, 6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (read_back(state).fence, read_back(state).percentage) == (6, 6_000)
    assert 6 not in refused


@pytest.mark.django_db(transaction=True)
def test_a_kill_gets_past_a_writer_that_froze_half_way() -> None:
    state = make.flag_environment(percentage=50_000)
    has_lock, may_end = threading.Event(), threading.Event()
    ended_by: list[str] = []

    def freeze() -> None:
        try:
            with brief():
                revising.lock(state)
                has_lock.set()
                may_end.wait(30)
                Flag.objects.count()
        except Exception as error:  # noqa: BLE001 - what PostgreSQL said is the point
            ended_by.append(str(error))
        finally:
            connections.close_all()

    frozen = threading.Thread(target=freeze)
    frozen.start()
    has_lock.wait(10)
    actions.kill(state, reason="errors", actor=None, now=make.NOW)
    may_end.set()
    frozen.join()
    assert read_back(state).killed
    assert any("idle-in-transaction" in one for one in ended_by)


@pytest.mark.django_db(transaction=True)
def test_a_write_limits_only_its_own_transaction() -> None:
    move(make.flag_environment(), 1_000, fence=1)
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)
