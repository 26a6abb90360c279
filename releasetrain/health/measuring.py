"""Ask metric sources for what is due, all at once and by a deadline, and keep what they told as readings."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor, record
from releasetrain.health.error_lines import take_turn
from releasetrain.health.models import Arm, MetricQuery, MetricSource, Reading
from releasetrain.health.rules.asking import (
    Ask,
    Fault,
    Finding,
    Missing,
    SourceKind,
    Told,
    Unanswered,
    due_spans,
    next_due,
    placeholders_in,
)
from releasetrain.health.sources import source_for
from releasetrain.lib.credentials import why_not_credential
from releasetrain.lib.spans import Span
from releasetrain.lib.transactions import brief

logger = logging.getLogger(__name__)

MEASURING = SystemActor("metric sources")
# All that is asked for one arm of one metric takes at most so long, however slowly the answer drips.
SECONDS = 8.0
TRIAL_SECONDS = 10.0
# A query whose worker died is asked again after this.
LEASE = timedelta(seconds=30)
RETRY = timedelta(seconds=10)
# Samples of a span may still be on their way when it ends.
SETTLES = timedelta(seconds=2)
NOTHING = timedelta(0)
MOST_AT_ONCE = 100
# A source that fails for so long is told of in the log.
TOLD_AFTER = timedelta(seconds=60)
Versions = Mapping[Arm, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking one query: what each arm told, or why there was no answer."""

    query: MetricQuery
    asked_at: datetime
    told: Mapping[Arm, Told]
    fault: Fault | None = None
    sentence: str = ""


def claim_due(now: datetime, limit: int = MOST_AT_ONCE) -> list[MetricQuery]:
    """Take the queries that are due, so that nobody else asks them for now (ENGINE R1)."""
    with transaction.atomic():
        rows = MetricQuery.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        due = rows.filter(next_due_at__lte=now, removed_at=None, source__removed_at=None)
        found = list(
            due.select_related("source", "target__service", "target__environment").order_by("next_due_at")[
                :limit
            ]
        )
        MetricQuery.objects.filter(pk__in=[one.pk for one in found]).update(next_due_at=now + LEASE)
    for one in found:
        one.next_due_at = now + LEASE
    return found


def measure(queries: Sequence[MetricQuery], versions: Mapping[int, Versions], now: datetime) -> list[Answer]:
    """Ask every query and keep what it told; one that fails stops no other.

    :param versions: by target id, the version that each arm runs; an arm without one is not asked
    """
    answers = asyncio.run(_ask_all(queries, versions, now))
    for answer in answers:
        try:
            keep(answer)
        except Exception:
            logger.exception("What %s told could not be kept.", answer.query)
    note_sources(answers, now)
    return answers


async def _ask_all(
    queries: Iterable[MetricQuery], versions: Mapping[int, Versions], now: datetime
) -> list[Answer]:
    asked = [_ask_one(query, versions.get(query.target_id, {}), now) for query in queries]
    return list(await asyncio.gather(*asked))


async def _ask_one(query: MetricQuery, versions: Versions, now: datetime) -> Answer:
    arms = [arm for arm in Arm if is_asked(query, arm, versions)]
    try:
        asks = [_ask_of(query, arm, versions, now) for arm in arms]
        source = source_for(query.source.kind)
        async with asyncio.timeout(SECONDS):
            told = await asyncio.gather(*(source.tell(ask) for ask in asks))
    except Unanswered as refusal:
        return Answer(query, now, {}, refusal.fault, str(refusal))
    except TimeoutError:
        return Answer(query, now, {}, Fault.TIMEOUT, f"It did not answer within {SECONDS:g} seconds.")
    except Exception as error:
        logger.exception("Asking for %s failed.", query)
        return Answer(
            query, now, {}, Fault.GARBLED, f"Its answer was not understood ({type(error).__name__})."
        )
    return Answer(query, now, dict(zip(arms, told, strict=True)))


def is_asked(query: MetricQuery, arm: Arm, versions: Versions) -> bool:
    """Tell whether an arm is there to be asked about: one that runs nothing has no version to name."""
    if versions.get(arm):
        return True
    named = placeholders_in(query.source.address, query.units, query.bad)
    return arm is Arm.BASELINE and "version" not in named


def _ask_of(
    query: MetricQuery, arm: Arm, versions: Versions, now: datetime, *, seconds: float = SECONDS
) -> Ask:
    """Build what is asked for one arm.

    :raises Unanswered: its credential may not be used
    """
    is_scrape = query.source.kind == SourceKind.SCRAPE
    step = timedelta(seconds=query.every_seconds)
    due = due_spans(query.told_until, query.every_seconds, now - SETTLES)
    spans = (Span(now - step, now),) if is_scrape else due
    memory = query.memory.get(arm.value, {})
    return Ask(
        address=query.source.address,
        units=query.units,
        bad=query.bad,
        counts_good=query.counts_good,
        values=values_for(query.target, arm, versions, query.every_seconds),
        spans=spans,
        seconds=seconds,
        authorization=authorization(query.source),
        memory=memory,
    )


def values_for(target: Target, arm: Arm, versions: Versions, every_seconds: int) -> dict[str, str]:
    """Return what stands for the placeholders."""
    return {
        "service": target.service.slug,
        "environment": target.environment.slug,
        "arm": arm.value,
        "version": versions.get(arm, ""),
        "window": f"{every_seconds}s",
    }


def authorization(source: MetricSource) -> str:
    """Return the header that a source is asked with, "" where it wants none.

    :raises Unanswered: there is no such credential here, or it is for another address
    """
    if not source.credential:
        return ""
    if why := why_not_credential(source.credential, source.address, settings.CREDENTIALS):
        raise Unanswered(Fault.CREDENTIAL, why)
    header: str = settings.CREDENTIALS[source.credential].authorization
    return header


def keep(answer: Answer) -> int:
    """Write what a query told as readings, and note how it went; return how many readings were new.

    A fault leaves the spans due: once the source answers again they are asked for, up to an hour back. An
    answer that comes after somebody else was given the query is dropped.
    """
    query, now = answer.query, answer.asked_at
    mine = MetricQuery.objects.filter(pk=query.pk, next_due_at=query.next_due_at, removed_at=None)
    if answer.fault is not None:
        mine.update(failed_at=now, fault=answer.sentence[:500], next_due_at=now + RETRY)
        return 0
    rows = [row for arm, told in answer.told.items() for row in _rows(query, arm, told, now)]
    memory = {arm.value: told.memory for arm, told in answer.told.items()}
    with brief():
        take_turn(query.target_id)
        is_mine = mine.update(
            told_until=max((row.ends_at for row in rows), default=query.told_until),
            memory={**query.memory, **memory},
            missing={arm.value: text for arm, told in answer.told.items() if (text := _lacks(told))},
            answered_at=now,
            fault="",
            next_due_at=next_due(now, query.every_seconds, settles=SETTLES),
        )
        return _insert(rows) if is_mine else 0


def _rows(query: MetricQuery, arm: Arm, told: Told, now: datetime) -> list[Reading]:
    return [
        Reading(
            target_id=query.target_id,
            arm=arm.value,
            metric=query.metric,
            source=query.reading_source,
            units=one.whole_units,
            bad=one.whole_bad,
            starts_at=one.span.start,
            ends_at=one.span.end,
            received_at=now,
        )
        for one in told.counts
        if one.whole_units is not None
    ]


def _insert(rows: Sequence[Reading]) -> int:
    """Insert readings in one statement, each once, and return how many were new."""
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO health_reading
                (target_id, source, starts_at, ends_at, received_at, arm, metric, units, bad)
            SELECT %s, %s, r.starts_at, r.ends_at, %s, r.arm, %s, r.units, r.bad
            FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::text[], %s::bigint[], %s::bigint[])
                AS r (starts_at, ends_at, arm, units, bad)
            ON CONFLICT (target_id, metric, starts_at, arm, source) DO NOTHING
            """,
            [
                rows[0].target_id,
                rows[0].source,
                rows[0].received_at,
                rows[0].metric,
                [one.starts_at for one in rows],
                [one.ends_at for one in rows],
                [one.arm for one in rows],
                [one.units for one in rows],
                [one.bad for one in rows],
            ],
        )
        return int(cursor.rowcount)


def _lacks(told: Told) -> str:
    """Say what the newest span of an arm lacks, "" where it is whole."""
    if not told.counts:
        return ""
    newest = told.counts[-1]
    said = [
        f"{what}: {amount.words}"
        for what, amount in (("Units", newest.units), ("Bad units", newest.bad))
        if isinstance(amount, Missing)
    ]
    return "; ".join(said[:1])


def note_sources(answers: Iterable[Answer], now: datetime) -> None:
    """Note of each source that was asked whether it answers, and tell once that it has failed for a while."""
    by_source: dict[int, list[Answer]] = {}
    for answer in answers:
        by_source.setdefault(answer.query.source_id, []).append(answer)
    for pk, asked in by_source.items():
        failed = [one for one in asked if one.fault is not None and one.fault.is_of_source]
        _note(pk, failed[0].sentence if len(failed) == len(asked) else "", now)


@transaction.atomic
def _note(pk: int, fault: str, now: datetime) -> None:
    source = MetricSource.objects.select_for_update(no_key=True).get(pk=pk)
    if not fault:
        if source.is_told:
            record(kind="health.source.answered", subject=source, actor=MEASURING, now=now)
        source.answered_at, source.failing_since, source.fault, source.is_told = now, None, "", False
    else:
        source.failing_since, source.fault = source.failing_since or now, fault[:500]
        if not source.is_told and now - source.failing_since >= TOLD_AFTER:
            source.is_told = True
            record(kind="health.source.failed", subject=source, actor=MEASURING, now=now, reason=source.fault)
    source.save(update_fields=["answered_at", "failing_since", "fault", "is_told"])


@dataclass(frozen=True, slots=True)
class Trial:
    """What one arm gives when a query is tried, or why it gives nothing."""

    arm: Arm
    version: str
    findings: tuple[Finding, ...]
    fault: str = ""
    is_idle: bool = False


def try_out(query: MetricQuery, versions: Versions, now: datetime) -> list[Trial]:
    """Ask what a query that need not be saved would tell of each arm; nothing is kept."""
    return asyncio.run(_try_all(query, versions, now))


async def _try_all(query: MetricQuery, versions: Versions, now: datetime) -> list[Trial]:
    return list(await asyncio.gather(*(_try_one(query, arm, versions, now) for arm in Arm)))


async def _try_one(query: MetricQuery, arm: Arm, versions: Versions, now: datetime) -> Trial:
    version = versions.get(arm, "")
    if not is_asked(query, arm, versions):
        return Trial(
            arm, version, (), "Nothing runs there now, so there is no version to name.", is_idle=True
        )
    try:
        ask = _ask_of(query, arm, versions, now, seconds=TRIAL_SECONDS)
        step = timedelta(seconds=query.every_seconds)
        end = next_due(now, query.every_seconds, settles=NOTHING) - step
        async with asyncio.timeout(TRIAL_SECONDS):
            found = await source_for(query.source.kind).try_out(replace(ask, spans=(Span(end - step, end),)))
    except Unanswered as refusal:
        return Trial(arm, version, (), str(refusal))
    except TimeoutError:
        return Trial(arm, version, (), f"It did not answer within {TRIAL_SECONDS:g} seconds.")
    return Trial(arm, version, tuple(found))
