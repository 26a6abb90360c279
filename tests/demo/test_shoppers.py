"""Shoppers keep their rate, remember what they got, and tell it in one line."""

import pytest

from releasetrain.demo.shoppers import Diary, Plan


def test_a_plan_has_sensible_defaults() -> None:
    assert Plan.read({}) == Plan("http://127.0.0.1:8002", 30, 5000)


def test_a_plan_is_read_from_the_environment() -> None:
    environ = {
        "RELEASETRAIN_STOREFRONT_URL": "http://127.0.0.1:9/",
        "RELEASETRAIN_DEMO_RATE": "2.5",
        "RELEASETRAIN_DEMO_USERS": "10",
    }

    assert Plan.read(environ) == Plan("http://127.0.0.1:9", 2.5, 10)


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "nan", "1e9"])
def test_a_rate_that_is_no_usable_number_is_refused_by_name(rate: str) -> None:
    with pytest.raises(ValueError, match="RELEASETRAIN_DEMO_RATE must be a number"):
        Plan.read({"RELEASETRAIN_DEMO_RATE": rate})


def test_the_diary_tells_failed_slow_and_unanswered_requests_apart() -> None:
    diary = Diary()
    diary.note(1, version="new", status=500, seconds=0.01)
    diary.note(2, version="old", status=200, seconds=1.2)
    diary.note_silence()

    line = diary.line()

    assert line.startswith("3 asked · 1 got new, 1 old · 1 failed, 1 slow, 1 unanswered")


def test_the_diary_counts_who_moved_and_who_was_flipped_back_and_forth() -> None:
    diary = Diary()
    for version in ("old", "new", "old"):
        diary.note(1, version=version, status=200, seconds=0.01)
    for version in ("old", "new", "new"):
        diary.note(2, version=version, status=200, seconds=0.01)

    assert diary.line().endswith("2 moved to new, 1 back, 1 flipped twice")


def test_a_line_begins_a_new_period_but_versions_are_remembered() -> None:
    diary = Diary()
    diary.note(1, version="old", status=200, seconds=0.01)
    diary.line()

    diary.note(1, version="new", status=200, seconds=0.01)

    assert diary.line().endswith("1 moved to new, 0 back, 0 flipped twice")
