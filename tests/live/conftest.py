"""Give each test a streaming process of its own, and leave no connection behind."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from releasetrain.events import actions
from releasetrain.live.publish import Publisher, publish
from tests.live.pages import PATIENCE, Stream


@pytest.fixture
def stream(transactional_db: None) -> Iterator[Stream]:
    """Run the stream for the length of a test."""
    running = Stream()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def only_hints(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the safety poll come so rarely that only a hint can have brought the news.

    The house gives Redis 40 ms, then leaves hints out for a second, for that poll to find. Without it every
    hint has to arrive, however busy the machine is.
    """
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 3600)
    patient = Publisher(settings.REDIS_URL, patience=PATIENCE)
    told = [patient if one is publish else one for one in actions.subscribers]
    monkeypatch.setattr(actions, "subscribers", told)
    yield
    patient.close()


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at what changes without an event all the time."""
    monkeypatch.setattr("releasetrain.live.hub.POLL_SECONDS", 0.02)
    monkeypatch.setattr("releasetrain.panels.registry.RESTLESS_SECONDS", {"rollout": 0.0})
