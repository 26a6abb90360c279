"""Whoever wakes a task waits half a second for a broker that answers nothing, once (ENGINE R8)."""

import socket
from pathlib import Path

import pytest
from celery import Celery

from releasetrain.lib import wake

TASK = "releasetrain.calendars.tasks.refresh_feeds"


@pytest.fixture
def attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """Put a broker in place that accepts everybody and answers nobody."""
    path = tmp_path / "silent.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(20)
    listener.setblocking(False)
    app = Celery("silent", broker=f"redis+socket://{path}")
    app.conf.broker_transport_options = {"socket_timeout": 600}
    monkeypatch.setattr(wake, "current_app", app)
    return listener


def test_r8_a_broker_that_answers_nothing_is_asked_once(
    attempts: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    wake._send(TASK)
    assert "its next tick does the work" in caplog.text
    attempts.accept()[0].close()
    with pytest.raises(BlockingIOError):
        attempts.accept()
    attempts.close()
