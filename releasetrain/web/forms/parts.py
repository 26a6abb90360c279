"""Name the parts of the house in forms, all of them from one query."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import BooleanField, ExpressionWrapper, F, IntegerField, Q, QuerySet, Value

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment, Region, Service


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the house by id and name, for every field and sentence that names one.

    `owners` is the team of each service, `places` the region of each environment that has one.
    """

    teams: dict[int, str] = field(default_factory=dict)
    services: dict[int, str] = field(default_factory=dict)
    environments: dict[int, str] = field(default_factory=dict)
    regions: dict[int, str] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)
    places: dict[int, int] = field(default_factory=dict)
    archived: set[int] = field(default_factory=set)

    @property
    def current_services(self) -> dict[int, str]:
        return {pk: name for pk, name in self.services.items() if pk not in self.archived}


def load_parts() -> Parts:
    """Load teams, services, environments and regions in one query, each in its own order."""
    parts = Parts()
    names = (parts.teams, parts.services, parts.environments, parts.regions)
    above: tuple[dict[int, int], ...] = ({}, parts.owners, parts.places, {})
    nothing, no = Value(None, IntegerField()), Value(value=False)
    gone = ExpressionWrapper(Q(archived_at__isnull=False), BooleanField())
    rows = [
        _rows(Team.objects.all(), 0, above=nothing, is_archived=no),
        _rows(Service.objects.all(), 1, above=F("team_id"), is_archived=gone),
        _rows(Environment.objects.all(), 2, F("order"), above=F("region_id"), is_archived=no),
        _rows(Region.objects.all(), 3, above=nothing, is_archived=no),
    ]
    found = rows[0].union(*rows[1:], all=True).order_by("kind", "place", "name")
    for kind, _, pk, name, over, is_archived in found:
        names[kind][pk] = name
        if over is not None:
            above[kind][pk] = over
        if is_archived:
            parts.archived.add(pk)
    return parts


def _rows(found: QuerySet[Any], kind: int, place: F | None = None, **columns: Any) -> QuerySet[Any, Any]:
    known = {"kind": Value(kind), "place": place or Value(0)}
    rows: QuerySet[Any, Any] = found.order_by().annotate(**known, **columns)
    return rows.values_list("kind", "place", "pk", "name", *columns)


class PartsFilter(forms.Form):
    """Narrow a list down to a team, a service and an environment, by their ids."""

    team = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    service = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)
    environment = forms.TypedChoiceField(coerce=int, empty_value=None, required=False)

    def __init__(self, *args: Any, parts: Parts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered: dict[str, dict[int, str]] = {
            "team": parts.teams,
            "service": parts.current_services,
            "environment": parts.environments,
        }
        for name, choices in offered.items():
            self.fields[name].choices = [("", f"Every {name}"), *choices.items()]  # type: ignore[attr-defined]
