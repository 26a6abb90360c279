"""Name what is asked for metrics, and how; nothing is saved that could not be asked."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Target
from releasetrain.events.actions import record
from releasetrain.health.models import MetricQuery, MetricSource
from releasetrain.health.queries import received_after
from releasetrain.health.rules.asking import SourceKind, fill, problems_of, why_not_placeholders
from releasetrain.health.sources import source_for
from releasetrain.lib.addresses import why_not_address
from releasetrain.lib.credentials import why_not_credential
from releasetrain.lib.errors import Invalid

MAY_NAME = (Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
LONGEST_NAME = 100
# Whoever pushed a metric within this time pushes it still.
PUSHED_WITHIN = timedelta(minutes=10)


def refuse_others(by: User, team: Team | None) -> None:
    """Refuse somebody who may not name what is asked for a team, or for the whole house.

    :raises NotAllowed: with the roles that could
    """
    what = f"name the metric sources of {team}" if team else "name a metric source of the whole house"
    refuse_without(roles_of(by), MAY_NAME, what, team=team.pk if team else None)


@transaction.atomic
def save_source(
    source: MetricSource | None,
    *,
    team: Team | None,
    name: str,
    kind: str,
    address: str,
    credential: str,
    by: User,
    now: datetime,
) -> MetricSource:
    """Add a source, or change one; what it failed of before is forgotten with its old address.

    :raises Invalid: it cannot be asked as it was typed, naming the field
    :raises NotAllowed: by somebody of another team
    """
    refuse_others(by, team)
    name, address = name.strip(), address.strip()
    for field, why in source_problems(source, team, name, kind, address, credential).items():
        raise Invalid(why, field=field)
    values = {"name": name, "kind": kind, "address": address, "credential": credential}
    if source is None:
        made = MetricSource.objects.create(team=team, **values, created_by=by, created_at=now)
        record(kind="health.source.added", subject=made, actor=by, now=now, address=address)
        return made
    locked = MetricSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    changed = [field for field, value in values.items() if getattr(locked, field) != value]
    for field in changed:
        setattr(locked, field, values[field])
    locked.failing_since, locked.fault, locked.is_told = None, "", False
    locked.save(update_fields=[*changed, "failing_since", "fault", "is_told"])
    locked.queries.filter(removed_at=None).update(next_due_at=now)
    if changed:
        words = ", ".join(changed)
        record(
            kind="health.source.changed", subject=locked, actor=by, now=now, changed=words, address=address
        )
    return locked


def source_problems(
    source: MetricSource | None, team: Team | None, name: str, kind: str, address: str, credential: str
) -> dict[str, str]:
    """Return a sentence for each field of a source that cannot be saved as it was typed."""
    found: dict[str, str] = {}
    others = MetricSource.objects.filter(team=team, name=name, removed_at=None)
    if not 0 < len(name) <= LONGEST_NAME:
        found["name"] = f"A source needs a name of at most {LONGEST_NAME} characters."
    elif (others.exclude(pk=source.pk) if source else others).exists():
        found["name"] = f"There is a source called “{name}” already."
    if kind not in {one.value for one in SourceKind}:
        found["kind"] = "Say what kind of source it is."
    plain = fill(address, {}, str)
    if why := why_not_placeholders(address) or why_not_address(plain):
        found["address"] = why
    elif kind == SourceKind.PROMETHEUS and plain != address:
        found["address"] = "A Prometheus has one address; placeholders belong into its expressions."
    if credential and (why := why_not_credential(credential, plain, settings.CREDENTIALS)):
        found["credential"] = why
    return found


@transaction.atomic
def remove_source(source: MetricSource, *, by: User, now: datetime) -> None:
    """Ask a source no more; what it told stays as long as every reading does."""
    refuse_others(by, source.team)
    if MetricSource.objects.filter(pk=source.pk, removed_at=None).update(removed_at=now):
        source.queries.filter(removed_at=None).update(removed_at=now, next_due_at=None)
        record(kind="health.source.removed", subject=source, actor=by, now=now)


@transaction.atomic
def save_query(
    query: MetricQuery | None,
    *,
    source: MetricSource,
    target: Target,
    metric: str,
    units: str,
    bad: str,
    counts_good: bool,
    every_seconds: int,
    by: User,
    now: datetime,
) -> MetricQuery:
    """Ask a source for a metric of a target from now on.

    :raises Invalid: it cannot be asked as it was typed, naming the field
    :raises NotAllowed: by somebody of another team than the service's
    """
    refuse_others(by, target.service.team)
    wanted = query or MetricQuery(created_at=now)
    values = {
        "source": source,
        "target": target,
        "metric": metric.strip(),
        "units": units.strip(),
        "bad": bad.strip(),
        "counts_good": counts_good,
        "every_seconds": every_seconds,
    }
    is_same_question = all(getattr(wanted, name, None) == values[name] for name in ("units", "bad", "metric"))
    for name, value in values.items():
        setattr(wanted, name, value)
    for field, why in query_problems(wanted, now).items():
        raise Invalid(why, field=field)
    wanted.next_due_at, wanted.fault, wanted.missing = now, "", {}
    if not is_same_question:
        wanted.memory, wanted.told_until = {}, None
    if query is None:
        wanted.save()
    else:
        changed = ["next_due_at", "fault", "missing", "memory", "told_until"]
        wanted.save(update_fields=[*values, *changed])
    record(kind="health.query.saved", subject=wanted, actor=by, now=now, source=str(source), metric=metric)
    return wanted


def query_problems(query: MetricQuery, now: datetime) -> dict[str, str]:
    """Return a sentence for each field of a query that cannot be saved as it is."""
    source = query.source
    found = problems_of(
        kind=SourceKind(source.kind),
        address=source.address,
        metric=query.metric,
        units=query.units,
        bad=query.bad,
        every_seconds=query.every_seconds,
    )
    for field in ("units", "bad"):
        why = source_for(source.kind).why_not(getattr(query, field))
        if why and field not in found:
            found[field] = why
    others = MetricQuery.objects.filter(target=query.target, metric=query.metric, removed_at=None)
    if others.exclude(pk=query.pk).exists():
        found["metric"] = f"“{query.metric}” of {query.target} is asked for already: change that one."
    elif is_pushed(query.target, query.metric, now):
        found["metric"] = (
            f"{query.target.service} pushes “{query.metric}” itself, and both would be counted. Stop pushing "
            "it for ten minutes, or take another name."
        )
    return found


def is_pushed(target: Target, metric: str, now: datetime) -> bool:
    """Tell whether a service reports a metric by itself at the moment."""
    recent = received_after(now - PUSHED_WITHIN).filter(target=target, metric=metric)
    return recent.exclude(source__startswith="query:").exists()


@transaction.atomic
def remove_query(query: MetricQuery, *, by: User, now: datetime) -> None:
    """Ask for a metric no more."""
    refuse_others(by, query.target.service.team)
    if MetricQuery.objects.filter(pk=query.pk, removed_at=None).update(removed_at=now, next_due_at=None):
        record(kind="health.query.removed", subject=query, actor=by, now=now)
