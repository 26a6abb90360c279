"""Spans are half-open and read well."""

from datetime import UTC, datetime, timedelta

import pytest

from releasetrain.lib.spans import Span, in_words

START = datetime(2026, 11, 23, 17, tzinfo=UTC)
SPAN = Span(START, START + timedelta(hours=1))


def test_t13_a_span_holds_its_start_and_not_its_end() -> None:
    assert SPAN.start in SPAN
    assert SPAN.end not in SPAN


def test_spans_that_touch_do_not_overlap() -> None:
    assert not SPAN.overlaps(Span(SPAN.end, SPAN.end + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (42, "42 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (4920, "1 h 22 min"),
        (180_000, "2 d 2 h"),
        (3605, "1 h"),
    ],
)
def test_a_length_is_named_by_its_two_largest_units(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words
