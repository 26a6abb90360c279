"""Show how a ladder in the making would be climbed: each stage's instant at the next departures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.http import QueryDict

from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.schedule import flaws, occurrences, read
from releasetrain.lib.spans import in_words
from releasetrain.panels.shapes import ClimbCell, ClimbDate, ClimbPreview, ClimbStage
from releasetrain.panels.stages import whole_second
from releasetrain.trains.queries.climb import Climb, Step, climbs
from releasetrain.trains.rules.forecast import SHIFT_TAKES
from releasetrain.trains.rules.ladder import problems_of, share_words
from releasetrain.web.forms.trains import TrainForm

MOST_COLUMNS, DATES = 4, 5
TWO_YEARS = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class Typed:
    """What of a train has to be known to foresee it; what cannot be read yet is missing."""

    ladder: Sequence[Mapping[str, Any]]
    problems: Sequence[str]
    services: Sequence[Service]
    environment: Environment | None
    lane: Lane
    zone: str
    dates: Sequence[datetime]


def climb_of(form: TrainForm, now: datetime) -> ClimbPreview:
    """Say how the ladder in a form would be climbed, as far as what was typed can be read."""
    typed = _typed(form, now)
    zone = typed.zone
    if typed.problems:
        return ClimbPreview(zone, problems=typed.problems)
    words = ClimbPreview(zone, words=length_in_words(typed.ladder), stages=_stages(typed.ladder))
    if not typed.services or typed.environment is None or not typed.dates:
        hint = "With its services, its environment and its schedule, the instant of each stage stands here."
        return replace(words, hint=hint)
    found = climbs(typed.ladder, typed.services, typed.environment, typed.lane, typed.dates)
    names = [one.name for one in typed.services][:MOST_COLUMNS]
    return replace(
        words,
        services=names,
        stages=_stages(typed.ladder, found[0], names, zone),
        dates=[
            ClimbDate(
                one.departs_at,
                one.leaves_at if one.leaves_at != one.departs_at else None,
                whole_second(one.arrives_at) if one.arrives_at else None,
                one.blocked,
            )
            for one in found
        ],
        more=len(typed.services) - len(names),
    )


def _typed(form: TrainForm, now: datetime) -> Typed:
    if not form.is_bound:
        return _of_train(form, now)
    judged = TrainForm(cast(QueryDict, form.data), train=form.train, now=now)  # one that may be judged
    judged.is_valid()
    known = judged.cleaned_data
    unread = [str(error) for one in judged.stages.forms for errors in one.errors.values() for error in errors]
    is_accelerated = judged.train is not None and judged.train.is_accelerated
    ladder = judged.stages.ladder()
    wrong = ["A stage cannot be read yet."] if unread else problems_of(ladder, is_accelerated=is_accelerated)
    zone = str(judged["time_zone"].value() or "UTC")
    first = str(judged["first_departs_at_local"].value() or "")
    return Typed(
        ladder,
        wrong,
        list(known.get("services") or ()),
        known.get("environment"),
        Lane(known.get("lane") or Lane.TRAIN),
        zone,
        _dates(str(judged["rule"].value() or ""), first, zone, now),
    )


def _of_train(form: TrainForm, now: datetime) -> Typed:
    ladder, train = [one.initial or {} for one in form.stages.forms], form.train
    stages = [{**one, "bake_seconds": float(one["bake_minutes"]) * 60} for one in ladder]
    if train is None:
        return Typed(stages, (), (), None, Lane.TRAIN, "UTC", ())
    dates = _dates(train.rule, train.first_departs_at_local, train.time_zone, now)
    services = list(train.services.all())
    return Typed(train.ladder, (), services, train.environment, Lane(train.lane), train.time_zone, dates)


def _dates(rule: str, first: str, zone: str, now: datetime) -> list[datetime]:
    if not (rule.strip() and first) or flaws(rule, first, zone):
        return []
    ahead = occurrences(read(rule, first, zone), after=now, until=now + TWO_YEARS, limit=DATES)
    return [one.at for one in ahead]


def length_in_words(ladder: Sequence[Mapping[str, Any]]) -> str:
    """Say how long a ladder takes if nothing holds it, and where it asks for a person."""
    baked = sum(float(stage["bake_seconds"]) for stage in ladder)
    lasts = timedelta(seconds=baked) + len(ladder) * SHIFT_TAKES
    asked = sum(bool(stage.get("approval")) for stage in ladder)
    waits = f", and as long as {asked} approval{' takes' if asked == 1 else 's take'}" if asked else ""
    return (
        f"{len(ladder)} stage{'' if len(ladder) == 1 else 's'}, {in_words(lasts)} if nothing holds it{waits}."
    )


def stage_in_words(stage: Mapping[str, Any]) -> str:
    """Say how many users a stage sends: 5 %, or 50 % of region=eu."""
    return share_words(stage)


def _stages(
    ladder: Sequence[Mapping[str, Any]], climb: Climb | None = None, names: Sequence[str] = (), zone: str = ""
) -> list[ClimbStage]:
    return [
        ClimbStage(
            stage_in_words(stage),
            in_words(float(stage["bake_seconds"])),
            bool(stage.get("approval")),
            [_cell(climb.steps[name][number], climb, zone) for name in names] if climb else (),
        )
        for number, stage in enumerate(ladder)
    ]


def _cell(step: Step, climb: Climb, zone: str) -> ClimbCell:
    at = step.starts_at
    if at is None:
        return ClimbCell(None, reason=step.blocked)
    local, left = at.astimezone(ZoneInfo(zone)), climb.departs_at.astimezone(ZoneInfo(zone))
    day = f"{local:%a} {local.day} {local:%b}" if local.date() != left.date() else ""
    return ClimbCell(whole_second(at), day, step.blocked)
