"""Gather where the measurements of a team's services come from, and whether they do."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Roles
from releasetrain.catalog.models import Target
from releasetrain.health.measuring import Trial
from releasetrain.health.models import Arm, MetricQuery
from releasetrain.health.queries import ending_after, sources_for
from releasetrain.health.sourcing import MAY_NAME
from releasetrain.lib.spans import in_words
from releasetrain.panels.shapes import Action, Tab
from releasetrain.rollouts.models import Guardrail

FRESH_WITHIN = timedelta(seconds=60)
HOUSE_URL = "/metric-sources/"
LOOKED_BACK = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source that is asked, and how it answers."""

    name: str
    kind: str
    address: str
    state: str
    text: str
    answered_at: datetime | None
    url: str
    is_of_house: bool


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one service: where it comes from, how fresh it is, and what lacks."""

    target: str
    metric: str
    comes_from: str
    state: str
    text: str
    fresh_at: datetime | None
    is_required: bool
    url: str


@dataclass(frozen=True, slots=True)
class TrialRow:
    """What one arm gave when it was asked, sentence by sentence."""

    arm: str
    version: str
    state: str
    sentences: list[str]


@dataclass(frozen=True, slots=True)
class SourcesPage:
    """The sources of a page, and where one is added, "" for somebody who may not."""

    rows: list[SourceRow]
    new_url: str


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Whose sources a page is about: a team's, or those of the whole house."""

    team: Team | None

    @property
    def name(self) -> str:
        return str(self.team) if self.team else "the house"

    @property
    def title(self) -> str:
        return f"Metrics of {self.team}" if self.team else "Metric sources of the house"

    @property
    def url(self) -> str:
        """The page that lists them."""
        return f"/teams/{self.team.slug}/metrics/" if self.team else HOUSE_URL

    @property
    def sources_url(self) -> str:
        """The address below which its sources are changed."""
        return f"{self.url}sources/" if self.team else HOUSE_URL


HOUSE = SourcePlace(None)


def team_tabs(team: Team, current: str) -> list[Tab]:
    """Lead between the pages of one team."""
    pages = (("on-call", "On call"), ("metrics", "Metrics"), ("guardrails", "Guardrails"))
    return [Tab(label, f"/teams/{team.slug}/{name}/", name == current) for name, label in pages]


def may_name(roles: Roles, team: Team | None) -> bool:
    """Tell whether somebody may say where the metrics of a team, or of the house, come from."""
    return any(roles.has(role, team=team.pk if team else None) for role in MAY_NAME)


def sources_page(place: SourcePlace, roles: Roles) -> SourcesPage:
    """Say each source that a team may ask, or each of the house, with how it answers."""
    may_add = may_name(roles, place.team)
    mine = place.team.pk if place.team else None
    may_edit = {mine: may_add, None: may_name(roles, None)}
    rows = [
        SourceRow(
            name=one.name,
            kind=one.get_kind_display(),
            address=one.address,
            state="error" if one.failing_since else "fresh" if one.answered_at else "waiting",
            text=one.fault,
            answered_at=one.answered_at,
            url=f"{(place if one.team_id else HOUSE).sources_url}{one.pk}/" if may_edit[one.team_id] else "",
            is_of_house=one.team_id is None and place.team is not None,
        )
        for one in sources_for(place.team)
    ]
    return SourcesPage(rows, f"{place.sources_url}new/" if may_add else "")


def metric_rows(team: Team, now: datetime, *, may_edit: bool) -> list[MetricRow]:
    """Say each metric that is asked for, pushed or required; four queries however many there are."""
    targets = {
        one.pk: one
        for one in Target.objects.filter(service__team=team, service__archived_at=None).select_related(
            "service", "environment"
        )
    }
    queries = {
        (one.target_id, one.metric): one
        for one in MetricQuery.objects.filter(target__in=targets, removed_at=None).select_related("source")
    }
    fresh = freshness_of(targets, now)
    guarded = Guardrail.objects.filter(target__in=targets).values_list("target", "metric", "is_required")
    known = {(target, metric) for target, metric, _ in guarded}
    required = {(target, metric) for target, metric, is_required in guarded if is_required}
    keys = sorted(
        {*queries, *fresh, *known}, key=lambda key: (str(targets[key[0]]), key not in required, key[1])
    )
    rows = []
    for key in keys:
        query, fresh_at = queries.get(key), fresh.get(key)
        state, text = _state(query, fresh_at, now)
        rows.append(
            MetricRow(
                target=str(targets[key[0]]),
                metric=key[1],
                comes_from=str(query.source) if query else "pushed" if fresh_at else "nothing",
                state=state,
                text=text,
                fresh_at=fresh_at,
                is_required=key in required,
                url=f"/teams/{team.slug}/metrics/queries/{query.pk}/" if query and may_edit else "",
            )
        )
    return rows


def freshness_of(targets: Iterable[int], now: datetime) -> dict[tuple[int, str], datetime]:
    """Return up to when the baseline of each metric was told in the last day."""
    rows = ending_after(now - LOOKED_BACK).filter(target__in=list(targets), arm=Arm.BASELINE)
    sums = rows.order_by().values_list("target", "metric").annotate(Max("ends_at"))
    return {(target, metric): until for target, metric, until in sums}


def _state(query: MetricQuery | None, fresh_at: datetime | None, now: datetime) -> tuple[str, str]:
    """Say how a metric is: an answer that is none, a number that is missing, silence, or well."""
    if query is not None and query.fault:
        return "error", query.fault
    if query is not None and query.missing:
        words = "; ".join(f"{arm}: {text}" for arm, text in sorted(query.missing.items()))
        return ("no_data" if Arm.BASELINE.value in query.missing else "fresh"), words.capitalize()
    if fresh_at is None:
        return (
            "no_data",
            "Nothing was reported within a day." if query is None else "It has not been asked yet.",
        )
    if now - fresh_at > FRESH_WITHIN:
        return "stale", f"Nothing for {in_words(now - fresh_at)}."
    return "fresh", ""


def trial_rows(trials: Iterable[Trial]) -> list[TrialRow]:
    """Say what a trial gave, the old version first."""
    rows = [
        TrialRow(
            arm="New version" if one.arm is Arm.CANDIDATE else "Old version",
            version=one.version,
            state="fresh"
            if one.findings and all(found.is_well for found in one.findings)
            else "no_data"
            if one.findings
            else "waiting"
            if one.is_idle
            else "error",
            sentences=[one.fault]
            if one.fault
            else [f"{found.what}: {found.sentence}" for found in one.findings],
        )
        for one in trials
    ]
    return rows[::-1]


def removal(url: str, consequence: str) -> Action:
    """Offer to take a source or a query away."""
    return Action("remove", "Remove", url, "trash-2", "quiet", asks="optional", consequence=consequence)
