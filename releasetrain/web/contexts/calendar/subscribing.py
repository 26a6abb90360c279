"""Name every calendar that a person may subscribe to, with its private address."""

from collections.abc import Sequence
from dataclasses import dataclass

from releasetrain.accounts.links import calendar_addresses
from releasetrain.accounts.models import Team, User
from releasetrain.panels.shapes import Action
from releasetrain.trains.models import Train


@dataclass(frozen=True, slots=True)
class Subscription:
    """One calendar with its address."""

    key: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A person's calendars by kind; all empty until they have asked for addresses."""

    renew: Action
    mine: Sequence[Subscription] = ()
    teams: Sequence[Subscription] = ()
    trains: Sequence[Subscription] = ()


def subscriptions_of(person: User) -> Subscriptions:
    """Return a person's calendar addresses, in three queries."""
    found = calendar_addresses(person)
    if found is None:
        make = Action("renew", "Make my addresses", "/calendar/subscribe/renew/", "link", "primary")
        return Subscriptions(make)
    renew = Action(
        name="renew",
        label="Make new addresses",
        url="/calendar/subscribe/renew/",
        icon="refresh-cw",
        asks="optional",
        consequence=(
            "Every address below stops working at once, in every calendar program that has it. "
            "Do this when one of them has fallen into other hands."
        ),
    )
    teams = Team.objects.order_by("name").values_list("slug", "name")
    trains = Train.objects.filter(retired_at__isnull=True).order_by("name").values_list("slug", "name")
    return Subscriptions(
        renew=renew,
        mine=[Subscription("me", "My changes, votes and duties", found.me)],
        teams=[Subscription(f"team-{slug}", name, found.team(slug)) for slug, name in teams],
        trains=[Subscription(f"train-{slug}", name, found.train(slug)) for slug, name in trains],
    )
