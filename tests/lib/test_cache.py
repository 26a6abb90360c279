"""A page never fails, nor waits, for the cache."""

import socket
import threading
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.cache.backends.base import BaseCache

from releasetrain.lib.cache import ForgivingRedisCache

PATIENCE = 60


@pytest.fixture
def frozen() -> Iterator[str]:
    """Run a Redis that takes every call and answers none, as a stopped process does."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def cache_at(url: str) -> BaseCache:
    return ForgivingRedisCache(url, {"OPTIONS": settings.CACHES["default"]["OPTIONS"]})


def test_r8_a_redis_that_is_frozen_is_an_empty_cache(frozen: str) -> None:
    cache, answers = cache_at(frozen), list[object]()
    asking = threading.Thread(target=lambda: answers.append(cache.get("key", "nothing")), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    assert answers == ["nothing"]


def test_r8_a_redis_that_is_gone_is_an_empty_cache() -> None:
    cache = cache_at("redis://127.0.0.1:1/0")
    cache.set("key", "value")
    assert cache.get("key") is None
    assert cache.add("key", "value")
