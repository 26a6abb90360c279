"""How Celery is set up: nothing that it loses, doubles or delays can hurt."""

import inspect
import re
from datetime import timedelta

import pytest
from celery import Task
from kombu import Connection

from releasetrain.bench.serving import ROOT
from releasetrain.celery import app
from releasetrain.processes.programs import read_procfile

SCHEDULE = app.conf.beat_schedule
app.loader.import_default_modules()


def task_of(name: str) -> Task[..., None]:
    task: Task[..., None] = app.tasks[SCHEDULE[name]["task"]]
    return task


@pytest.mark.parametrize("name", sorted(SCHEDULE))
def test_every_beat_has_a_task_that_takes_what_other_versions_add(name: str) -> None:
    assert task_of(name).acks_late
    inspect.signature(task_of(name).run).bind(anything_new=1)


@pytest.mark.parametrize("name", sorted(SCHEDULE))
def test_a_beat_that_nobody_took_expires_before_they_pile_up(name: str) -> None:
    entry = SCHEDULE[name]
    assert isinstance(entry["schedule"], timedelta)
    assert 0 < entry["options"]["expires"] <= max(30, 5 * entry["schedule"].total_seconds())


def test_the_queues_are_those_of_the_design_and_rollbacks_have_their_own() -> None:
    assert {queue.name for queue in app.conf.task_queues} == {"engine", "rollback", "notify", "bulk"}
    routes = {name: app.amqp.router.route({}, SCHEDULE[name]["task"])["queue"].name for name in SCHEDULE}
    assert routes["rollbacks"] == "rollback"
    assert [name for name, queue in routes.items() if queue == "rollback"] == ["rollbacks"]
    assert sorted(name for name, queue in routes.items() if queue == "engine") == ["rollouts", "trains"]


def test_long_chores_have_a_worker_of_their_own_and_every_queue_has_one() -> None:
    lines = read_procfile(ROOT / "Procfile")
    serves = {name: found[1].split(",") for name in lines if (found := re.search(r"-Q (\S+)", lines[name]))}
    assert serves == {"worker": ["engine", "rollback"], "chores": ["notify", "bulk"]}


def test_r8_a_worker_waits_for_its_broker_as_long_as_that_is_away() -> None:
    assert app.conf.broker_connection_retry_on_startup
    assert app.conf.broker_connection_max_retries is None


def test_r8_a_worker_looks_every_few_seconds_whether_its_broker_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(Connection, "_ensure_connection", lambda _, **named: asked.update(named))
    app.connection_for_read().ensure_connection(max_retries=7)
    assert (asked["interval_max"], asked["max_retries"]) == (5, 7)


def test_no_task_runs_for_ever() -> None:
    assert 0 < app.conf.task_soft_time_limit < app.conf.task_time_limit
    # A message of a worker that died is delivered again only once it cannot run any more.
    assert app.conf.broker_transport_options["visibility_timeout"] >= app.conf.task_time_limit
