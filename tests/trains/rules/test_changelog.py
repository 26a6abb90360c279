"""Changelogs and notes are written from a manifest's own words, and nothing typed becomes markup."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releasetrain.trains.rules.changelog import (
    Edition,
    GroupBy,
    changelog,
    changelog_markdown,
    plain,
    release_notes,
)
from releasetrain.trains.rules.manifest import Aboard, write

NOW = datetime(2026, 11, 24, 13, tzinfo=UTC)
EDITION = Edition("RT-7", "Checkout Express", "Production", "Departs on Tue 24 Nov, 14:00 Berlin", "d" * 64)


def content(**of: dict[str, Any]) -> dict[str, Any]:
    """Write a manifest of changes by title: their service, team, author and what else they say."""
    changes = []
    for number, (title, fields) in enumerate(of.items(), 1):
        service = fields.pop("service", "Shop")
        defaults = {"version": "v1", "author": "Ada", "team": "Storefront", "team_id": 1}
        changes.append(
            Aboard(
                change=number,
                title=title,
                service=sum(map(ord, service)),
                service_slug=service.lower(),
                service_name=service,
                boarded_at=NOW + timedelta(minutes=number),
                **{**defaults, **fields},
            )
        )
    return write(7, 1, changes, []).content


def names(of: dict[str, Any], by: GroupBy) -> list[tuple[str, list[str]]]:
    return [(group.name, [line.title for line in group.lines]) for group in changelog(of, by)]


def test_changes_stand_under_each_of_their_tickets_and_the_rest_last() -> None:
    of = content(A={"tickets": ("SHOP-10", "SHOP-2")}, B={"tickets": ("SHOP-2",)}, C={})
    assert names(of, GroupBy.TICKET) == [
        ("SHOP-2", ["A", "B"]),
        ("SHOP-10", ["A"]),
        ("Without a ticket", ["C"]),
    ]


@pytest.mark.parametrize(
    ("by", "found"),
    [
        (GroupBy.TEAM, [("Discovery", ["B"]), ("Storefront", ["A"])]),
        (GroupBy.AUTHOR, [("Ada", ["A"]), ("Grace", ["B"])]),
        (GroupBy.SERVICE, [("Search", ["B"]), ("Shop", ["A"])]),
    ],
)
def test_changes_are_told_apart(by: GroupBy, found: list[tuple[str, list[str]]]) -> None:
    of = content(A={}, B={"service": "Search", "team": "Discovery", "team_id": 2, "author": "Grace"})
    assert names(of, by) == found


def test_a_manifest_that_names_no_team_says_so() -> None:
    of = content(A={})
    for service in of["services"]:
        del service["team"], service["team_id"]
    assert names(of, GroupBy.TEAM) == [("Team not on record", ["A"])]


def test_notes_say_what_goes_what_has_a_flag_and_what_must_be_undone() -> None:
    of = content(
        A={"flag_key": "tax", "bundle": "Prices", "url": "https://example.org/1"},
        B={"service": "Search", "bundle": "Prices", "rollback_plan": "drop\nthe index"},
    )
    text = release_notes(of, EDITION)
    assert text.startswith("# Checkout Express RT-7\n\n2 changes in 2 services")
    assert "- [A](https://example.org/1): `tax`" in text
    assert "- B: drop the index" in text
    assert "- Prices: B and [A](https://example.org/1)" in text
    assert "1. Search\n2. Shop" in text
    assert "Drafted from revision 1 of the manifest, `dddddddddddd`." in text


def test_what_somebody_typed_stays_text() -> None:
    text = changelog_markdown(content(**{"*A* [x](y) <b>\n# Big": {}}), GroupBy.TEAM, EDITION)
    assert r"\*A\* \[x\](y) \<b\> \# Big" in text
    assert plain("`a|b~c_d`") == r"\`a\|b\~c\_d\`"
