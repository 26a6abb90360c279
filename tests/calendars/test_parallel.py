"""Two edits at once leave the times of one of them, whole; and the clock's work does not mix with them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars import actions
from releasetrain.calendars.actions import AlreadyEnded, WindowSettings
from releasetrain.calendars.models import Window
from releasetrain.calendars.queries.settings import plan_of
from releasetrain.events.models import Event
from tests import make
from tests.calendars.world import NOON, open_window, spans

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run calls in threads that start together; a refusal is an answer, too."""
    start = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        try:
            start.wait()
            return call()
        except AlreadyEnded as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def moved(window: Window, hour: int) -> WindowSettings:
    start, end = f"2026-11-24T{hour:02}:00", f"2026-11-24T{hour:02}:30"
    return replace(WindowSettings.of(window), starts_local=start, ends_local=end)


def test_w3_two_edits_at_once_leave_the_times_of_one_of_them() -> None:
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    window = open_window(by=rob, rule="FREQ=DAILY")
    wanted = [moved(window, hour) for hour in (1, 5, 9, 13)]
    at_once(
        *(lambda one=one: actions.save_window(window, one, by=rob, now=NOON) for one in wanted),
        lambda: actions.materialise_windows(NOON),
    )
    stands = WindowSettings.of(Window.objects.get())
    assert stands.local_ends in [one.local_ends for one in wanted]
    planned = [(one.span.start, one.span.end) for one in plan_of(stands, NOON).united()]
    assert spans() == planned


def test_w3_a_window_that_two_people_end_is_ended_once() -> None:
    rob = make.user("Rob", Role.RELEASE_MANAGER)
    window = open_window(by=rob, rule="FREQ=DAILY")
    later = NOON + timedelta(minutes=5)
    answers = at_once(*[lambda: end(window, rob)] * 3, lambda: actions.materialise_windows(later))
    assert sum(isinstance(one, AlreadyEnded) for one in answers) == 2
    assert Event.objects.filter(kind="calendars.window.ended").count() == 1
    assert spans() == [(NOON, later)]


def end(window: Window, by: User) -> Window:
    return actions.end_window(window, reason="enough", by=by, now=NOON + timedelta(minutes=5))
