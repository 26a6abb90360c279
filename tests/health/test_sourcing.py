"""Who may name a source, and what of it is refused when it is saved."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.health.models import MetricQuery, MetricSource
from releasetrain.health.sourcing import remove_query, remove_source, save_query, save_source
from releasetrain.lib.credentials import read_credential
from releasetrain.lib.errors import Invalid, NotAllowed
from tests import make
from tests.health.world import BAD, NOW, UNITS, later, query, source

pytestmark = pytest.mark.django_db
ADDRESS = "https://prometheus.example.org"


def saved(kept: MetricSource | None = None, **changes: Any) -> MetricSource:
    fields = {"name": "Frankfurt", "kind": "prometheus", "address": ADDRESS, "credential": "", **changes}
    by = fields.pop("by", None) or make.user("", Role.ON_CALL, team=make.team())
    return save_source(kept, team=fields.pop("team", make.team()), **fields, by=by, now=NOW)


def asked(kept: MetricQuery | None = None, **changes: Any) -> MetricQuery:
    fields: dict[str, Any] = {
        "source": changes.get("source") or (kept.source if kept else source(ADDRESS)),
        "target": make.target(stable_version="v1"),
        "metric": "errors",
        "units": UNITS,
        "bad": BAD,
        "counts_good": False,
        "every_seconds": 30,
        **changes,
    }
    by = fields.pop("by", None) or make.user("", Role.ON_CALL, team=make.team())
    return save_query(kept, **fields, by=by, now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"kind": "graphite"}, "kind"),
        ({"address": "prometheus"}, "address"),
        ({"address": "https://me:secret@prometheus.example.org"}, "address"),
        ({"address": "https://{{arm}}.example.org"}, "address"),
        ({"address": "https://{{region}}.example.org", "kind": "scrape"}, "address"),
        ({"credential": "PROM"}, "credential"),
        ({"credential": "ELSEWHERE"}, "credential"),
    ],
)
def test_a_source_that_cannot_be_asked_is_refused_in_its_field(
    settings: Settings, changes: dict[str, Any], field: str
) -> None:
    settings.CREDENTIALS = {"ELSEWHERE": read_credential("https://elsewhere.test bearer s3cret")}
    with pytest.raises(Invalid) as refusal:
        saved(**changes)
    assert refusal.value.field == field
    assert not MetricSource.objects.exists()


def test_two_sources_of_a_team_do_not_share_a_name() -> None:
    saved()
    with pytest.raises(Invalid, match="already"):
        saved()
    saved(team=make.team("Search"), by=make.user("", Role.ON_CALL))


def test_only_the_team_names_its_sources_and_only_the_house_those_of_the_house() -> None:
    stranger = make.user("", Role.ON_CALL, team=make.team("Search"))
    for act in (
        lambda: saved(by=stranger),
        lambda: saved(team=None, by=stranger),
        lambda: asked(by=stranger),
        lambda: remove_source(source(ADDRESS, name="Mine"), by=stranger, now=NOW),
        lambda: remove_query(query(source(ADDRESS, name="Its")), by=stranger, now=NOW),
    ):
        with pytest.raises(NotAllowed):
            act()
    saved(team=None, by=make.user("", Role.RELEASE_MANAGER))


def test_a_changed_address_is_asked_at_once_and_starts_with_a_clean_record() -> None:
    kept = saved()
    asks = query(kept, next_due_at=later(600))
    MetricSource.objects.update(failing_since=NOW, fault="It answers 503.", is_told=True)
    saved(kept, address="https://other.example.org")
    kept.refresh_from_db()
    asks.refresh_from_db()
    assert (kept.failing_since, kept.fault, kept.is_told) == (None, "", False)
    assert asks.next_due_at == NOW
    assert Event.objects.get(kind="health.source.changed").data["changed"] == "address"


def test_a_removed_source_is_asked_no_more() -> None:
    kept = saved()
    query(kept)
    remove_source(kept, by=make.user("", Role.ON_CALL), now=NOW)
    remove_source(kept, by=make.user("", Role.ON_CALL), now=NOW)
    assert not MetricQuery.objects.filter(removed_at=None).exists()
    assert Event.objects.filter(kind="health.source.removed").count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"metric": "Errors"}, "metric"),
        ({"units": ""}, "units"),
        ({"bad": "sum(x[{{window}}])"}, "bad"),
        ({"every_seconds": 1}, "every_seconds"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused_in_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        asked(**changes)
    assert refusal.value.field == field


def test_a_page_takes_selectors_only() -> None:
    with pytest.raises(Invalid, match="no functions or sums") as refusal:
        asked(source=source(ADDRESS, "scrape"), units='x{version="{{version}}"}', bad=BAD)
    assert refusal.value.field == "bad"


def test_a_metric_is_asked_for_once_and_not_while_it_is_pushed() -> None:
    first = asked()
    with pytest.raises(Invalid, match="asked for already"):
        asked(source=first.source)
    remove_query(first, by=make.user("", Role.ON_CALL), now=NOW)
    make.readings(first.target, later(-60))
    with pytest.raises(Invalid, match="both would be counted"):
        asked(source=first.source)


def test_another_expression_forgets_what_was_remembered_and_another_rhythm_does_not() -> None:
    kept = asked()
    MetricQuery.objects.update(told_until=NOW, memory={"baseline": {"at": "x"}})
    kept.refresh_from_db()
    asked(kept, every_seconds=15)
    kept.refresh_from_db()
    assert kept.told_until == NOW
    asked(kept, units=UNITS.replace("http_", ""))
    assert MetricQuery.objects.filter(told_until=None, memory={}).exists()
