import os

import pytest

from releasetrain.embedded import ServerError
from releasetrain.embedded.given import check_database, check_redis


def test_answering_servers_pass() -> None:
    check_database(os.environ["DATABASE_URL"])
    check_redis(os.environ["REDIS_URL"])


@pytest.mark.parametrize("url", ["mysql://root@localhost/trains", "localhost:5432", "sqlite:///trains.db"])
def test_an_address_of_no_postgresql_is_named_with_an_example(url: str) -> None:
    with pytest.raises(ServerError, match=r"not an address such as postgres://user:password@host:5432"):
        check_database(url)


def test_a_database_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(ServerError) as refused:
        check_database("postgres://app:hunter2@127.0.0.1:9/trains")
    assert "No database answers at DATABASE_URL postgres://app:***@127.0.0.1:9/trains" in str(refused.value)
    assert "hunter2" not in str(refused.value)
    assert "unset DATABASE_URL to use the private server" in str(refused.value)


def test_a_database_that_does_not_exist_is_named() -> None:
    url = os.environ["DATABASE_URL"].replace("/releasetrain?", "/nowhere?")
    with pytest.raises(ServerError, match='database "nowhere" does not exist'):
        check_database(url)


@pytest.mark.parametrize("port", ["99999", "abc"])
def test_a_port_that_cannot_be_is_a_sentence_too(port: str) -> None:
    with pytest.raises(ServerError, match="DATABASE_URL"):
        check_database(f"postgres://app@127.0.0.1:{port}/trains")
    with pytest.raises(ServerError, match="REDIS_URL"):
        check_redis(f"redis://127.0.0.1:{port}/0")


def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(ServerError) as refused:
        check_redis("redis://:hunter2@127.0.0.1:9/0")
    assert "No Redis answers at REDIS_URL redis://:***@127.0.0.1:9/0" in str(refused.value)


def test_an_address_of_no_redis_is_named_with_an_example() -> None:
    with pytest.raises(ServerError, match=r"not an address such as redis://:password@host:6379/0"):
        check_redis("memcached://localhost")
