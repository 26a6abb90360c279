import json

import pytest
from django.test import Client
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings


def test_a_process_is_alive_without_asking_anybody() -> None:
    answer = Client().get("/healthz")  # the database is blocked in this test
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_process_with_everything_is_ready() -> None:
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert answer.json()["redis"] == {"is_up": True, "message": ""}


@pytest.mark.django_db
def test_a_process_is_ready_without_redis_and_says_what_is_missing(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ready"] is True
    assert "rollback and flags work" in answer.json()["redis"]["message"]


@pytest.mark.django_db
def test_a_process_is_not_ready_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError, connection

    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["database"]["message"].startswith("PostgreSQL does not answer")


def test_the_probes_are_read_only() -> None:
    for path in ("/healthz", "/readyz"):
        assert Client().post(path).status_code == 405
    assert json.loads(Client().get("/healthz").content)


def test_the_database_is_really_blocked_here(django_db_blocker: DjangoDbBlocker) -> None:
    from django.db import connection

    with pytest.raises(RuntimeError, match="Database access not allowed"):
        connection.ensure_connection()
