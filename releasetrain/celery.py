"""Celery: the clock that wakes the house, never its truth.

Every task is level-triggered: it polls rows that are due, so a lost, doubled or late message costs one tick.
"""

import gc
import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from celery.signals import worker_before_create_process, worker_init
from kombu import Connection, Queue

from releasetrain.lib.transactions import never_fall_silent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releasetrain.settings")


class Broker(Connection):
    """Look every few seconds whether the broker is back; Celery's own wait grows to half a minute."""

    def ensure_connection(self, *args: Any, **named: Any) -> Any:
        waits = {"interval_start": 1, "interval_step": 1, "interval_max": 5}
        return super().ensure_connection(*args, **waits | named)


class Messages(AMQP):
    """Celery's messages over our connection."""

    Connection = Broker


app = Celery("releasetrain", amqp=Messages)
app.conf.update(
    # Kombu has its own word for a Unix socket.
    broker_url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0").replace(
        "unix://", "redis+socket://", 1
    ),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 60, "socket_timeout": 15, "socket_connect_timeout": 2},
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=False,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    task_time_limit=60,
    task_soft_time_limit=50,
    task_default_queue="bulk",
    task_queues=[Queue(name) for name in ("engine", "rollback", "notify", "bulk")],
    task_routes={
        "releasetrain.trains.tasks.tick": {"queue": "engine"},
        "releasetrain.rollouts.tasks.tick": {"queue": "engine"},
        "releasetrain.rollouts.tasks.push_rollbacks": {"queue": "rollback"},
        "releasetrain.notifications.tasks.*": {"queue": "notify"},
    },
    beat_scheduler="celery.beat:Scheduler",
    beat_max_loop_interval=1,
    beat_schedule={
        "trains": {
            "task": "releasetrain.trains.tasks.tick",
            "schedule": timedelta(seconds=1),
            "options": {"expires": 5},
        },
        "rollouts": {
            "task": "releasetrain.rollouts.tasks.tick",
            "schedule": timedelta(seconds=1),
            "options": {"expires": 5},
        },
        "rollbacks": {
            "task": "releasetrain.rollouts.tasks.push_rollbacks",
            "schedule": timedelta(seconds=1),
            "options": {"expires": 5},
        },
        "measurements": {
            "task": "releasetrain.rollouts.tasks.measure",
            "schedule": timedelta(seconds=2),
            "options": {"expires": 5},
        },
        "drivers": {
            "task": "releasetrain.rollouts.tasks.watch_targets",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 5},
        },
        "shadows": {
            "task": "releasetrain.rollouts.tasks.compare_shadows",
            "schedule": timedelta(seconds=2),
            "options": {"expires": 5},
        },
        "notices": {
            "task": "releasetrain.notifications.tasks.send_due",
            "schedule": timedelta(seconds=5),
            "options": {"expires": 15},
        },
        "departures ahead": {
            "task": "releasetrain.trains.tasks.materialise",
            "schedule": timedelta(minutes=5),
            "options": {"expires": 240},
        },
        "calendars": {
            "task": "releasetrain.calendars.tasks.refresh_feeds",
            "schedule": timedelta(seconds=10),
            "options": {"expires": 10},
        },
        "calendars ahead": {
            "task": "releasetrain.calendars.tasks.materialise",
            "schedule": timedelta(hours=1),
            "options": {"expires": 1800},
        },
        "changes that expire": {
            "task": "releasetrain.trains.tasks.expire_changes",
            "schedule": timedelta(minutes=10),
            "options": {"expires": 500},
        },
        "reviews": {
            "task": "releasetrain.trains.tasks.raise_overdue_reviews",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 50},
        },
        "readiness": {
            "task": "releasetrain.trains.tasks.look_at_readiness",
            "schedule": timedelta(seconds=15),
            "options": {"expires": 15},
        },
        "late passes": {
            "task": "releasetrain.trains.tasks.lapse_late_passes",
            "schedule": timedelta(seconds=10),
            "options": {"expires": 10},
        },
        "retention": {
            "task": "releasetrain.health.tasks.forget_old",
            "schedule": timedelta(minutes=10),
            "options": {"expires": 500},
        },
    },
)
app.autodiscover_tasks(
    [f"releasetrain.{name}" for name in ("trains", "rollouts", "notifications", "health", "calendars")],
    force=False,
)


@worker_init.connect
def _be_brief(**_: Any) -> None:
    never_fall_silent()


@worker_before_create_process.connect
def _share_memory(**_: Any) -> None:
    """Let children share what is loaded: their collector would touch, and so copy, every page of it."""
    gc.collect()
    gc.freeze()
