"""Build the control panel of the demonstration: what comes next, how the shop does, what one may press."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from releasetrain.demo.counters import ShopClosed, ShopFacts, read_shop
from releasetrain.demo.diary import NAME, Book, Seen
from releasetrain.demo.journey import OPEN_STATES, current_departure, demo_people, wanted_gos
from releasetrain.demo.proxying import proxy_kind
from releasetrain.demo.shop import Fault
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Action, Link
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import standing_of
from releasetrain.trains.rules.states import DepartureState

D = DepartureState


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next, in words; `until_at` is counted down to."""

    heading: str
    text: str
    state: str = ""
    until_at: datetime | None = None
    links: list[Link] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Users:
    """What the shoppers saw, and since when: that the departure began, or that they came."""

    seen: Seen
    since_at: datetime
    is_since_departure: bool

    @property
    def failed(self) -> str:
        return f"{self.seen.lost:,} of {self.seen.asked:,} requests failed"

    @property
    def slow(self) -> str:
        return f"{self.seen.slow:,} {'was' if self.seen.slow == 1 else 'were'} slow"


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything that the panel shows; `shop` is None before it was asked and while it does not answer."""

    next: Next
    actions: list[Action]
    storefront_url: str
    shop: ShopFacts | None = None
    why_no_shop: str = ""
    new_answered: str = ""
    users: "Users | None" = None
    proxy: str = ""
    is_first: bool = False


def draw_later(now: datetime, storefront_url: str) -> Panel:
    """Build the panel without asking the shop, so that no page waits for it."""
    return Panel(
        what_next(now), _breaking(None), storefront_url, users=_users(), proxy=_proxy(), is_first=True
    )


def draw_now(now: datetime, storefront_url: str) -> Panel:
    """Build the panel with the shop's counters, or with the reason why there are none."""
    shop, why = None, ""
    try:
        shop = read_shop()
    except ShopClosed as refusal:
        shop, why = None, refusal.message
    return Panel(
        what_next(now),
        _breaking(shop),
        storefront_url,
        shop,
        why_no_shop=why,
        new_answered=_ago(shop, now) if shop else "",
        users=_users(),
        proxy=_proxy(),
    )


def _proxy() -> str:
    kind = proxy_kind()
    return driver_for(kind).label if kind else ""


def _users() -> Users | None:
    """Read what the shoppers saw since traffic began to move; None before they have written anything."""
    departure = current_departure()
    rollout = departure.rollouts.order_by("pk").first() if departure else None
    seen = Book(Path(settings.DATA_DIR) / NAME).since(rollout.created_at.timestamp() if rollout else 0)
    if seen is None:
        return None
    return Users(seen, datetime.fromtimestamp(seen.at, UTC), is_since_departure=rollout is not None)


def what_next(now: datetime) -> Next:
    """Say what the demonstration's train does next, and what a visitor could do about it."""
    departure = current_departure()
    if departure is None:
        return Next(
            "Nothing is planned", "Let the demonstration train go once more.", actions=[_again("Run it")]
        )
    state = DepartureState(departure.state)
    if state in (D.DECIDING, D.CLEARED):
        return _sealed(departure, now)
    if state is D.ROLLING:
        return _rolling(departure)
    return _boarding(departure) if state in OPEN_STATES else _finished(departure)


def _boarding(departure: Departure) -> Next:
    text = "Changes come aboard until the cut-off. Then what is aboard is sealed, and people say go or no-go."
    return Next(
        f"{departure.train.name} is boarding",
        text,
        departure.state,
        until_at=departure.cut_off_at,
        links=[_to(departure), Link("Submit a change yourself", reverse("changes-new"))],
    )


def _sealed(departure: Departure, now: datetime) -> Next:
    standing = standing_of(departure, now)
    name = departure.train.name
    wanted = wanted_gos(standing, demo_people().values())
    if wanted:
        who = listed([f"{one.person} ({one.role.label})" for one in wanted])
        return Next(
            f"{name} needs a go",
            f"It waits for {who}. Look around as one of them and vote, or let them say go for you.",
            departure.state,
            until_at=departure.departs_at,
            links=[_to(departure)],
            actions=[Action("say-go", "Say go for me", reverse("demo-say-go"), "circle-check", "primary")],
        )
    if departure.held_at is not None:
        text = f"{departure.held_reason} A release manager can release or cancel it on its page."
        return Next(f"{name} is held", text, "held", links=[_to(departure)], actions=[_again("Run another")])
    if departure.state == D.CLEARED:
        text = "Everybody has said go. Celery beat departs it by itself; nobody needs to press anything."
        return Next(f"{name} is cleared", text, departure.state, departure.departs_at, [_to(departure)])
    text = standing.verdict.sentence()
    return Next(f"{name} waits", text, departure.state, departure.departs_at, [_to(departure)])


def _rolling(departure: Departure) -> Next:
    rollout = departure.rollouts.order_by("-pk").first()
    state = rollout.state if rollout else departure.state
    if state == RolloutState.ROLLING_BACK:
        text = f"Everybody is brought back to the old checkout. {rollout.reason if rollout else ''}"
    else:
        weight = rollout.desired_weight if rollout else 0
        text = (
            f"{weight} % of the shoppers get the new checkout. Break it, and watch it come back by itself; "
            "or take it back by hand on the live page."
        )
    return Next(
        f"{departure.train.name} moves real traffic",
        text,
        departure.state,
        links=[Link("Watch it live", reverse("departures-live", args=[departure.pk])), _to(departure)],
    )


def _finished(departure: Departure) -> Next:
    ends = {
        D.ARRIVED: "arrived: everybody has the new checkout",
        D.ROLLED_BACK: "was rolled back: everybody has the old checkout",
        D.CANCELLED: "was cancelled",
        D.SKIPPED: "was skipped: nothing was aboard",
    }
    heading = f"{departure.train.name} {ends.get(DepartureState(departure.state), 'has ended')}"
    text = departure.outcome or "Its page keeps everything that happened."
    return Next(heading, text, departure.state, links=[_to(departure)], actions=[_again("Run it again")])


def _to(departure: Departure) -> Link:
    return Link(f"Open {departure.code}", reverse("departures-detail", args=[departure.pk]))


def _again(label: str) -> Action:
    return Action("again", label, reverse("demo-depart-soon"), "play", "primary")


def _breaking(shop: ShopFacts | None) -> list[Action]:
    """Offer what can be done to the new checkout; nothing while the shop does not answer."""
    url = reverse("demo-break")
    closed = None if shop else Reason("shop_closed", "Waits for the shop to answer.")
    if shop and shop.is_new_dead:
        return [Action("mend", "Start the new version again", reverse("demo-mend"), "wrench", "primary")]
    if shop and shop.fault:
        how = "fails" if shop.fault is Fault.ERROR else "crawls"
        label = f"Mend the new version (it {how})"
        return [Action("mend", label, reverse("demo-mend"), "wrench", "primary")]
    kill = Action(
        "kill-candidate",
        "Kill the new version",
        reverse("demo-kill-candidate"),
        "zap",
        "danger",
        reason=closed,
    )
    return [
        *([kill] if proxy_kind() else []),
        Action(Fault.ERROR.value, "Break the new version", url, "bug", "danger", reason=closed),
        Action(Fault.SLOW.value, "Make it slow", url, "snail", reason=closed),
    ]


def _ago(shop: ShopFacts, now: datetime) -> str:
    """Say when the new version answered last; that it has stopped is what a rollback is about."""
    last = shop.new.last_answer_at
    if shop.is_new_dead:
        return "dead"
    if last is None:
        return "never"
    seconds = (now - last).total_seconds()
    return "just now" if seconds < 1 else f"{in_words(seconds)} ago"
