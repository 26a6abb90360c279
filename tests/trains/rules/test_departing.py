"""Late is for a person to decide; a hold of more than a day, too (RULES T11, W2)."""

from datetime import UTC, datetime, timedelta

from releasetrain.trains.rules.departing import goes_on_by_itself, why_late

AT = datetime(2026, 11, 24, 13, tzinfo=UTC)
GRACE = timedelta(minutes=30)
INSTANT = timedelta(microseconds=1)


def test_t11_as_late_as_the_grace_it_goes_and_later_it_waits() -> None:
    assert why_late(departs_at=AT, grace=GRACE, captain="Ada", now=AT + GRACE) is None
    reason = why_late(departs_at=AT, grace=GRACE, captain="Ada", now=AT + GRACE + INSTANT)
    assert reason
    assert (reason.text, reason.who) == (
        "It is 30 min late; more than 30 min is for a person to decide.",
        "Ada",
    )


def test_w2_a_day_is_the_longest_hold_that_ends_by_itself() -> None:
    assert goes_on_by_itself(held_at=AT, now=AT + timedelta(hours=24))
    assert not goes_on_by_itself(held_at=AT, now=AT + timedelta(hours=24) + INSTANT)
