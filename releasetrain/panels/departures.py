"""Gather what a departure's page shows to everybody: its head, its manifest, its rollouts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.board import (
    approvals,
    departure_stages,
    moving_by_departure,
    over_note,
    service_names,
    shown_state,
)
from releasetrain.panels.reasons import shown, worst_first
from releasetrain.panels.rollouts import hold_reason
from releasetrain.panels.shapes import Link, Manifest, ManifestBundle, ManifestChange, RolloutLine, Summary
from releasetrain.panels.stages import Moving, clock_words, leading, stages_of, whole_second
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Standing, changes_of, departure_in_full, latest_manifests, standing_of
from releasetrain.trains.queries.room import rider_of, standing_by
from releasetrain.trains.rules.manifest import changes_in
from releasetrain.trains.rules.standby import room_words, taken
from releasetrain.trains.rules.states import BOARDING_STATES, FINISHED_STATES, ChangeState, DepartureState

D = DepartureState


def departure_of(pk: int) -> Departure | None:
    """Load a departure with everything that its head names."""
    return departure_in_full(pk)


def load_summary(pk: int, audience: Audience, now: datetime) -> Summary | None:
    """Gather the head of a departure's page."""
    departure = departure_of(pk)
    if departure is None:
        return None
    standing, moving = standing_of(departure, now), moving_by_departure([pk]).get(pk, [])
    return summary_of(departure, standing, moving, audience)


def summary_of(
    departure: Departure, standing: Standing, moving: Sequence[Moving], audience: Audience
) -> Summary:
    """Say where a departure stands, when it leaves and when it should arrive."""
    lead, train = leading(moving), departure.train
    state = shown_state(departure, lead)
    has_left = D(departure.state) not in BOARDING_STATES | {D.DECIDING, D.CLEARED, D.CANCELLED, D.SKIPPED}
    return Summary(
        pk=departure.pk,
        code=departure.code,
        train=train.name,
        train_url=links.train(train.slug) if audience.sees_people else "",
        state=state,
        departs_at=departure.departs_at,
        cut_off_at=departure.cut_off_at,
        zone=train.time_zone,
        services=service_names(departure, standing),
        environment=train.environment.name,
        changes=standing.load.changes,
        stages=departure_stages(departure, lead),
        captain=str(departure.captain or train.captain or "") if audience.sees_people else "",
        note=approvals(standing) if state == "deciding" else over_note(departure, audience),
        reasons=reasons_of(departure, standing, moving, audience),
        arrives_at=arrives_at(departure, standing, moving),
        is_accelerated=standing.plan.is_accelerated,
        live_url=links.live(departure.pk) if has_left and moving else "",
        live_label="See the rollout" if D(departure.state) in FINISHED_STATES else "Follow live",
    )


def reasons_of(
    departure: Departure, standing: Standing, moving: Sequence[Moving], audience: Audience
) -> list[Reason]:
    """Return why it does not go on: what the verdict says before it leaves, what holds its rollouts after."""
    if D(departure.state) is D.ROLLING:
        holds = shown([hold_reason(hold) for one in moving for hold in one.holds], audience)
        return worst_first(dict.fromkeys(holds))
    return worst_first(shown(standing.verdict.reasons, audience))


def arrives_at(departure: Departure, standing: Standing, moving: Sequence[Moving]) -> datetime | None:
    """Say when everybody has it: as the forecast foresees it, or by what is left to bake once it rolls."""
    state = D(departure.state)
    if state in FINISHED_STATES or not standing.load.services:
        return None
    if state is D.ROLLING:
        ends = [_ends_at(one) for one in moving if one.rollout.kind == "forward"]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None
    ends_at = standing.foreseen.course.arrives_at if standing.foreseen else None
    return whole_second(ends_at) if ends_at is not None else None


def _ends_at(one: Moving) -> datetime | None:
    """Forecast the end of one rollout; None while it waits for its turn, is held, or comes back."""
    rollout = one.rollout
    if rollout.finished_at is not None:
        return rollout.finished_at
    bakes = [float(stage["bake_seconds"]) for stage in rollout.ladder[rollout.stage_index :]]
    if one.bake_ends_at is not None:
        return one.bake_ends_at + timedelta(seconds=sum(bakes[1:]))
    if one.state in {RolloutState.PREFLIGHT, RolloutState.SHIFTING} and not one.is_held:
        return whole_second(rollout.state_entered_at + timedelta(seconds=sum(bakes)))
    return None


def load_manifest(pk: int, audience: Audience, now: datetime) -> Manifest | None:
    """Gather what is aboard, with its seal once it is sealed."""
    departure = departure_of(pk)
    if departure is None:
        return None
    sealed = latest_manifests([pk]).get(pk)
    changes = changes_of(pk)
    known = changes_in(sealed.content) if sealed else {}
    lead = departure.train.check_in_lead
    is_ahead = D(departure.state) not in FINISHED_STATES | {D.ROLLING}
    asks_check_in = lead is not None and is_ahead and now >= departure.departs_at - lead
    bundles: dict[str, list[ManifestChange]] = {}
    missing: dict[str, str] = {}
    for change in changes:
        bundles.setdefault(change.bundle.name if change.bundle else "", []).append(
            _change(change, known.get(change.pk), audience, asks_check_in=asks_check_in)
        )
        if change.bundle and change.bundle.missing and audience.sees_people:
            missing[change.bundle.name] = listed([f"“{one['title']}”" for one in change.bundle.missing])
    is_boarding = D(departure.state) in BOARDING_STATES and departure.boards_at <= now < departure.cut_off_at
    waiting = standing_by(departure) if is_boarding and departure.room.is_limited else []
    order = [str(one.get("name", one["service"])) for one in sealed.content["services"]] if sealed else []
    return Manifest(
        pk=pk,
        zone=departure.train.time_zone,
        bundles=[
            ManifestBundle(name, bundles[name], missing.get(name, ""))
            for name in sorted(bundles, key=lambda name: (not name, name))
        ],
        changes=len(changes),
        revision=sealed.revision if sealed else None,
        digest=sealed.digest if sealed else "",
        sealed_at=sealed.sealed_at if sealed else None,
        cut_off_at=departure.cut_off_at if D(departure.state) in BOARDING_STATES else None,
        order=order if len(order) > 1 else [],
        submit_url=links.submit(pk) if is_boarding and audience.sees_people else "",
        links=_more(pk, is_sealed=sealed is not None) if audience.sees_people else (),
        room=room_words(departure.room, taken(rider_of(one) for one in changes)) if is_boarding else "",
        stand_by=[Link(one.title, links.change(one.pk)) for one in waiting] if audience.sees_people else (),
        stand_by_url=f"{links.departure(pk)}stand-by/" if waiting and audience.sees_people else "",
    )


def _more(pk: int, *, is_sealed: bool) -> list[Link]:
    """Lead to what more there is to see of a manifest."""
    more = [Link("Bundles and order", links.bundles(pk))]
    if is_sealed:
        more += [
            Link("Changelog", links.changelog(pk)),
            Link("Release notes", links.notes(pk)),
            Link("Revisions", links.revisions(pk)),
        ]
    return [*more, Link("Ledger", links.ledger(pk))]


def _change(
    change: Any, sealed: dict[str, Any] | None, audience: Audience, *, asks_check_in: bool
) -> ManifestChange:
    """Say one change aboard; what is sealed keeps the version and the names of its time (RULES I5, I15).

    :param change: as `changes_of` returns it
    """
    pinned = str(sealed["version"]) if sealed else change.version
    newest = change.latest_version or change.version
    is_leaving = change.state == ChangeState.ABOARD and change.leave_asked_by and audience.sees_people
    return ManifestChange(
        title=change.title,
        url=links.change(change.pk) if audience.sees_people else "",
        author=change.author_label if audience.sees_people else "",
        service=str(sealed["service"]) if sealed else change.service.name,
        version=pinned,
        state=change.state,
        drift=drift_words(newest) if sealed and newest != pinned else "",
        source_url=change.url if audience.sees_people else "",
        source=_source(change) if audience.sees_people else "",
        category=change.category or change.service.category,
        checked_in_by=change.checked_in_by_label if audience.sees_people and change.checked_in_at else "",
        is_awaited=asks_check_in and change.checked_in_at is None,
        needs=change.needed_titles if audience.sees_people else (),
        leaving=f"{change.leave_asked_by} asks to take it off." if is_leaving else "",
    )


def drift_words(newest: str) -> str:
    """Say that there is something newer than what is sealed, and what would bring it aboard (RULES I5)."""
    return f"Newer commits exist ({newest[:12]}). What is sealed stays aboard; new content needs a late pass."


def _source(change: Change) -> str:
    """Name where a change comes from, briefly: owner/name#12 at a code host, else its host."""
    if change.external_id and ":" in change.external_id:
        return change.external_id.split(":", 1)[1]
    return urlsplit(change.url).hostname or ""


def load_rollout_lines(pk: int, audience: Audience, now: datetime) -> list[RolloutLine]:
    """Gather the rollouts of a departure, one line each."""
    return [line_of(one) for one in moving_by_departure([pk]).get(pk, [])]


def line_of(one: Moving) -> RolloutLine:
    """Say one rollout in a line."""
    rollout = one.rollout
    return RolloutLine(
        service=rollout.target.service.name,
        environment=rollout.target.environment.name,
        version=rollout.to_version,
        state=one.shown_state,
        weight=rollout.desired_weight,
        stages=stages_of(one),
        note=line_note(one),
        url=f"{links.live(rollout.departure_id)}#rollout-{rollout.pk}" if rollout.departure_id else "",
    )


def line_note(one: Moving) -> str:
    """Say how far the bake is, or how it ended."""
    rollout = one.rollout
    if one.is_held and one.seconds_left:
        return f"{clock_words(one.seconds_left)} of the bake left"
    if one.bake_percent or one.bake_ends_at:
        return f"bake of {in_words(rollout.bake_needed_seconds)}"
    if rollout.finished_at is not None:
        return f"after {in_words(rollout.finished_at - rollout.created_at)}"
    return ""
