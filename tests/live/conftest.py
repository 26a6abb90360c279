"""Give each test a streaming process of its own, and leave no connection behind."""

from collections.abc import Iterator

import pytest

from tests.live.pages import Stream


@pytest.fixture
def stream(transactional_db: None) -> Iterator[Stream]:
    """Run the stream for the length of a test."""
    running = Stream()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def only_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the safety poll come so rarely that only a hint can have brought the news."""
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 3600)


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at what changes without an event all the time."""
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    monkeypatch.setattr("releasetrain.panels.registry.RESTLESS_SECONDS", {"rollout": 0.0})
