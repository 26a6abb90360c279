"""Names, flags and replies are read without an nginx."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releasetrain.rollouts.drivers.nginx.setting import Setting, Told, read_name, read_told, weight_of
from releasetrain.rollouts.drivers.salts import salt_of


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 100), st.integers(0, 2**62), st.text("ab .-/1", max_size=20))
def test_a_name_says_what_it_stands_for(weight: int, fence: int, version: str) -> None:
    setting = Setting(weight, fence, salt_of(version))
    assert read_name(setting.name) == setting
    assert weight_of(set(setting.flags())) == weight


@settings(deadline=None)
@given(st.integers(0, 99))
def test_whoever_is_in_stays_in_when_more_are_let_in(weight: int) -> None:
    assert set(Setting(weight, 1).flags()) < set(Setting(weight + 1, 2).flags())


@pytest.mark.parametrize("name", ["", "none", "25", "101-1-abc", "25-x-abc", "-1-1-abc", "25-1-", "25-1-A/B"])
def test_a_name_that_is_none_of_ours_stands_for_nothing(name: str) -> None:
    assert read_name(name) is None


def test_only_at_100_come_those_in_of_whom_nothing_is_known() -> None:
    assert "all" in Setting(100, 1).flags()
    assert "all" not in Setting(99, 1).flags()


def test_what_nginx_tells_is_read() -> None:
    assert read_told("25-17-9f3c kill=no\n") == Told("25-17-9f3c", is_killed=False)
    assert read_told("none kill=yes") == Told("none", is_killed=True)


@pytest.mark.parametrize("reply", ["", "OK", "<html>404</html>", "25-17-9f3c", "a b kill=no"])
def test_a_text_reply_is_never_taken_for_an_answer(reply: str) -> None:
    assert read_told(reply) is None
