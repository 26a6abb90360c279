"""Look at everything that a departure's checks ask for: one sample says what was so together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from releasetrain.accounts.queries import with_rota
from releasetrain.catalog.models import Service, Target
from releasetrain.health.queries import ERRORS, totals_since
from releasetrain.incidents.models import Incident
from releasetrain.lib.words import listed
from releasetrain.trains.models import Change, Departure, Evidence, Mark
from releasetrain.trains.queries.decision import Standing, reasons_of, standing_of
from releasetrain.trains.queries.forecast import forecast_of
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.queries.sight import REPORTS_WITHIN, unseen
from releasetrain.trains.rules.evidence import EvidenceState
from releasetrain.trains.rules.readiness import (
    LOOKED_AT_FROM,
    MANUAL,
    Asks,
    CheckKind,
    CheckState,
    Result,
    is_spent,
    worst,
)
from releasetrain.trains.rules.risk import Question
from releasetrain.trains.rules.states import ChangeState, DepartureState

BUDGET_OVER = timedelta(hours=24)
MOST_NAMED = 4
S = CheckState
Said = tuple[CheckState, str, str]
OF_EVIDENCE = {
    EvidenceState.GREEN: S.GREEN,
    EvidenceState.RED: S.RED,
    EvidenceState.PENDING: S.WAITING,
}


@dataclass(frozen=True, slots=True)
class Scene:
    """What the checks of one departure are about: services by id, what goes out of each, and where to."""

    standing: Standing
    asks: Asks
    services: Mapping[int, Service]
    versions: Mapping[int, str]
    changes: Sequence[Change]
    targets: Mapping[int, int]
    now: datetime

    def names(self, services: Iterable[int]) -> str:
        """Name services, the first few of them."""
        named = sorted(self.services[one].name for one in services)
        more = [f"{len(named) - MOST_NAMED} more"] if len(named) > MOST_NAMED else []
        return listed([*named[:MOST_NAMED], *more])

    def teams(self, services: Iterable[int]) -> str:
        """Name the teams of services."""
        return listed(sorted({self.services[one].team.name for one in services}))


def results_of(departure: Departure, asks: Asks, now: datetime) -> list[Result]:
    """Return what every check of a departure says now, the automatic ones first.

    :param departure: loaded with its train, best locked
    """
    standing = standing_of(departure, now)
    scene = _scene(standing, asks, now)
    marks = list(Mark.objects.filter(departure=departure, undone_at__isnull=True))
    ticked = {one.key: one for one in marks if not one.is_waiver}
    waived = {one.key: f"{one.by_label}: {one.reason}" for one in marks if one.is_waiver}
    found = [
        Result(kind.value, kind.label, *LOOKS[kind](scene), waived=waived.get(kind.value, ""))
        for kind in asks.kinds
    ]
    for label in asks.manual:
        key = f"{MANUAL}{label}"
        mark = ticked.get(key)
        state, text = (S.GREEN, f"Ticked by {mark.by_label}.") if mark else (S.NO_DATA, _unticked(label))
        found.append(Result(key, label, state, text, runner_words(departure), waived.get(key, "")))
    return found


def _unticked(label: str) -> str:
    return f"Nobody has ticked “{label}” yet."


def _scene(standing: Standing, asks: Asks, now: datetime) -> Scene:
    departure = standing.departure
    rows = Change.objects.filter(departure=departure, state=ChangeState.ABOARD)
    changes = list(rows.select_related("service__team").order_by("boarded_at", "pk"))
    versions = {one.service_id: one.version for one in changes}
    if standing.manifest is not None:
        versions |= {one["id"]: one["version"] for one in standing.manifest.content["services"]}
    services = {one.service_id: one.service for one in changes}
    targets = Target.objects.filter(service__in=services, environment=departure.train.environment_id)
    return Scene(
        standing=standing,
        asks=asks,
        services=services,
        versions={service: version for service, version in versions.items() if service in services},
        changes=changes,
        targets=dict(targets.values_list("service_id", "pk")),
        now=now,
    )


def _ci(scene: Scene) -> Said:
    """Ask what CI says of every version that goes out."""
    reported = evidence_of(scene.versions)
    states, said, whose = [], [], []
    for service, rows in reported.items():
        what = f"{scene.services[service].name} {scene.versions[service][:12]}"
        own = [OF_EVIDENCE[EvidenceState(row.state)] for row in rows]
        states.append(worst(own))
        if not own:
            said.append(f"CI has said nothing about {what}.")
        said += [
            f"“{row.name}” is {row.state} for {what}." for row in rows if row.state != EvidenceState.GREEN
        ]
        whose += [] if states[-1] is S.GREEN else [service]
    return worst(states), _first(said), scene.teams(whose)


def _first(said: Sequence[str]) -> str:
    """Join sentences, the first few of them."""
    more = [f"And {len(said) - MOST_NAMED} more."] if len(said) > MOST_NAMED else []
    return " ".join([*said[:MOST_NAMED], *more])


def _windows(scene: Scene) -> Said:
    """Ask whether a window stops it at its time, or would hold it on its way."""
    why = reasons_of(scene.standing.verdict, "window_hard", "window_soft", "line", "will_hold")
    if why:
        return S.RED, _first([one.text for one in why]), why[0].who
    if scene.standing.foreseen is None:
        return S.NO_DATA, "Nobody can say which windows it meets: it has no stages.", ""
    return S.GREEN, "", ""


def _on_call(scene: Scene) -> Said:
    """Ask whether somebody is on call for each stage of each service; a team without a rota is no answer."""
    teams = {one.team_id: one.team.name for one in scene.services.values()}
    keeping = with_rota(teams)
    if without := sorted(name for team, name in teams.items() if team not in keeping):
        verb = "keeps" if len(without) == 1 else "keep"
        return S.NO_DATA, f"{listed(without)} {verb} no on-call rota here.", listed(without)
    forecast = forecast_of(scene.standing.departure, scene.now)
    if not forecast.stages:
        return S.NO_DATA, "It has no stages that anybody could be on call for.", ""
    if gaps := {one.service_id: one.service for one in forecast.uncovered}:
        text = f"Nobody is on call for a part of the way of {listed(sorted(gaps.values()))}."
        return S.RED, text, scene.teams(one for one in gaps if one in scene.services)
    return S.GREEN, "", ""


def _rollback(scene: Scene) -> Said:
    """Ask whether each change says how it comes back: by a plan in words, or by a flag."""
    without = [one for one in scene.changes if not _says_way_back(one)]
    if not scene.changes:
        return S.NO_DATA, "Nothing is aboard.", ""
    if without:
        text = [
            f"“{one.title}” says no way back: write a rollback plan, or name its flag." for one in without
        ]
        return S.RED, _first(text), listed(sorted({one.author_label for one in without})[:MOST_NAMED])
    return S.GREEN, "", ""


def _says_way_back(change: Change) -> bool:
    by_itself = change.answers.get(Question.UNDO.value) in ("version", "flag")
    return bool(change.rollback_plan.strip() or change.flag_key or by_itself)


def _migration(scene: Scene) -> Said:
    """Ask whether what grows is out before anything shrinks, in the schema of each service."""
    answers = {one.pk: one.answers.get(Question.DATA.value) for one in scene.changes}
    if not scene.changes:
        return S.NO_DATA, "Nothing is aboard.", ""
    if unsaid := [one for one in scene.changes if answers[one.pk] is None]:
        text = [f"“{one.title}” does not say whether it changes a schema." for one in unsaid]
        return S.NO_DATA, _first(text), listed(sorted({one.author_label for one in unsaid})[:MOST_NAMED])
    shrinks = [one for one in scene.changes if answers[one.pk] == "contract"]
    growing = Change.objects.filter(
        service__in={one.service_id for one in shrinks},
        state__in=[ChangeState.SUBMITTED, ChangeState.ABOARD],
        **{f"answers__{Question.DATA.value}": "expand"},
    )
    grows = dict(growing.values_list("service_id", "title"))
    red = [
        f"“{one.title}” takes something away that “{grows[one.service_id]}” has not replaced yet."
        for one in shrinks
        if one.service_id in grows
    ]
    return (
        (S.RED, _first(red), scene.teams({one.service_id for one in shrinks})) if red else (S.GREEN, "", "")
    )


def _error_budget(scene: Scene) -> Said:
    """Ask whether more went wrong in the last 24 hours than the objective allows."""
    totals = totals_since(scene.targets.values(), ERRORS, scene.now - BUDGET_OVER)
    counted = {service: totals.get(target) for service, target in scene.targets.items()}
    silent = [one for one in scene.services if not (counted.get(one) and counted[one].units)]  # type: ignore[union-attr]
    spent = [
        service
        for service, total in counted.items()
        if total and is_spent(bad=total.bad, units=total.units, objective=scene.asks.objective)
    ]
    objective = f"{scene.asks.objective:g} %"
    if spent:
        text = f"{scene.names(spent)}: more errors in the last 24 hours than {objective} good answers allow."
        return S.RED, text, scene.teams(spent)
    if silent or not scene.services:
        return S.NO_DATA, f"No answers were counted in 24 hours: {scene.names(silent)}.", scene.teams(silent)
    return S.GREEN, "", ""


def _incidents(scene: Scene) -> Said:
    """Ask whether an incident is open on a service aboard."""
    rows = Incident.objects.filter(service__in=scene.services, resolved_at__isnull=True)
    found = [(one.title, one.service_id) for one in rows.order_by("opened_at")]
    if not found:
        return S.GREEN, "", ""
    text = [f"“{title}” is open on {scene.services[service].name}." for title, service in found]
    return S.RED, _first(text), scene.teams(service for _, service in found)


def _metrics(scene: Scene) -> Said:
    """Ask whether every service aboard reports, so that its guardrails have something to go by."""
    heard = totals_since(scene.targets.values(), ERRORS, scene.now - REPORTS_WITHIN)
    silent = [one for one in scene.services if scene.targets.get(one) not in heard]
    if silent or not scene.services:
        text = f"Nothing was reported within 5 minutes: {scene.names(silent)}."
        return S.NO_DATA, text, scene.teams(silent)
    where = scene.standing.departure.train.environment_id
    if blind := unseen({(one, where) for one in scene.services}, scene.now):
        return S.NO_DATA, _first(list(blind.values())), scene.teams(service for service, _ in blind)
    return S.GREEN, "", ""


LOOKS: dict[CheckKind, Callable[[Scene], Said]] = {
    CheckKind.CI: _ci,
    CheckKind.WINDOWS: _windows,
    CheckKind.ON_CALL: _on_call,
    CheckKind.ROLLBACK: _rollback,
    CheckKind.MIGRATION: _migration,
    CheckKind.ERROR_BUDGET: _error_budget,
    CheckKind.INCIDENTS: _incidents,
    CheckKind.METRICS: _metrics,
}


def evidence_of(versions: Mapping[int, str]) -> dict[int, list[Evidence]]:
    """Return what machines say about one version of each service, by service id, in the order of its name."""
    if not versions:
        return {}
    asked = Q()
    for service, version in versions.items():
        asked |= Q(service=service, version=version)
    found: dict[int, list[Evidence]] = {service: [] for service in versions}
    for row in Evidence.objects.filter(asked).order_by("name"):
        found[row.service_id].append(row)
    return found


def due_to_sample(now: datetime) -> QuerySet[Departure]:
    """Return the departures whose checks have to be looked at: sealed, or within a day of leaving."""
    decided = [DepartureState.DECIDING, DepartureState.CLEARED]
    asks = Q(plan__checks__kinds__0__isnull=False) | Q(plan__checks__manual__0__isnull=False)
    soon = Q(state=DepartureState.BOARDING, departs_at__lte=now + LOOKED_AT_FROM)
    aboard = Change.objects.filter(departure=OuterRef("pk"), state=ChangeState.ABOARD)
    rows = Departure.objects.filter(soon | Q(state__in=decided))
    return rows.filter(asks).filter(Exists(aboard))
