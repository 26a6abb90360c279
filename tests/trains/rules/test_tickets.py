"""Tickets are read as their trackers write them."""

import pytest

from releasetrain.trains.rules.tickets import MOST, tickets_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SHOP-12: Show prices with tax", ("SHOP-12",)),
        ("Bug: T358236\nDepends on T358001", ("T358236", "T358001")),
        ("Bug 1871234 - Part 2", ("bug 1871234",)),
        ("Fixes #12, closes #13", ("#12", "#13")),
        ("Show the first of #1 choices in UTF-8, as RFC-5545 says", ()),
        ("", ()),
    ],
)
def test_tickets_are_read_from_a_title(text: str, found: tuple[str, ...]) -> None:
    assert tickets_in(text) == found


def test_a_ticket_counts_once_and_a_wall_of_them_is_cut() -> None:
    assert tickets_in("SHOP-1 SHOP-1", "SHOP-1") == ("SHOP-1",)
    assert len(tickets_in(" ".join(f"SHOP-{number}" for number in range(1, 99)))) == MOST
