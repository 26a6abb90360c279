"""Find changes: whose, in which state, how risky, and by their words; the database does all of it."""

import re
from collections.abc import Iterable

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q, QuerySet

from releasetrain.accounts.models import Membership, Team, User
from releasetrain.catalog.models import Service
from releasetrain.trains.models import Change
from releasetrain.trains.models.changes import SEARCHED
from releasetrain.trains.rules.risk import LOW_UP_TO, MEDIUM_UP_TO, Level
from releasetrain.trains.webhooks.hosts import external_id_of

ORDERS = {
    "new": ("-submitted_at", "-pk"),
    "old": ("submitted_at", "pk"),
    "risk": ("-risk_points", "-submitted_at", "-pk"),
    "urgent": ("priority", "-submitted_at", "-pk"),
}
POINTS = {
    Level.LOW: Q(risk_points__lte=LOW_UP_TO),
    Level.MEDIUM: Q(risk_points__gt=LOW_UP_TO, risk_points__lte=MEDIUM_UP_TO),
    Level.HIGH: Q(risk_points__gt=MEDIUM_UP_TO),
}
MOST_WORDS = 10
FEW = 2000
WORD = re.compile(r"[^\s'\\]+")


def changes_found(
    user: User,
    *,
    whose: str = "all",
    text: str = "",
    team: Team | None = None,
    service: Service | None = None,
    state: str = "",
    level: str = "",
    sort: str = "",
) -> tuple[QuerySet[Change], int]:
    """Return the changes that were asked for, in their order, and how many they are.

    A word that few changes have is looked up before they are sorted, one that many have while they are walked
    through in their order: the database cannot tell which of both is faster, whoever has counted can.

    :param whose: "mine" are those that a person has written or submitted, "teams" those of the services of
        their teams, "all" everybody's
    :param text: the beginnings of words of title, author, version or number; all of them have to be there
    """
    rows = Change.objects.all()
    if whose == "mine":
        rows = rows.filter(Q(author=user) | Q(submitted_by=user))
    elif whose == "teams":
        own = Membership.objects.filter(user=user, team__isnull=False).values("team")
        rows = rows.filter(service__in=Service.objects.filter(team__in=own).values("pk"))
    if team is not None:
        rows = rows.filter(service__in=Service.objects.filter(team=team).values("pk"))
    if service is not None:
        rows = rows.filter(service=service)
    if state:
        rows = rows.filter(state=state)
    if level:
        rows = rows.filter(POINTS[Level(level)])
    query = search_query(text)
    if query is not None:
        rows = rows.alias(words=SEARCHED).filter(words=query)
    total = rows.count()
    if query is not None and total <= FEW:
        rows = Change.objects.filter(pk__in=list(rows.values_list("pk", flat=True)))
    return rows.order_by(*ORDERS.get(sort, ORDERS["new"])), total


def changes_in_order(keys: Iterable[int]) -> list[Change]:
    """Return changes by their keys, with all that a row of a list names, in the order of the keys."""
    wanted = list(keys)
    rows = Change.objects.select_related("service", "departure__train", "stand_by_for__train")
    found = rows.in_bulk(wanted)
    return [found[key] for key in wanted if key in found]


def search_query(text: str) -> SearchQuery | None:
    """Read what somebody searches for, None where there is no word in it."""
    words = [word for word in WORD.findall(text) if any(sign.isalnum() for sign in word)][:MOST_WORDS]
    if not words:
        return None
    raw = " & ".join(f"'{word}':*" for word in words)
    return SearchQuery(raw, config="simple", search_type="raw")


def known_pull_request(url: str) -> Change | None:
    """Return the change that a code host has told us of under this address, if it has."""
    name = external_id_of(url.strip())
    if name is None:
        return None
    rows = Change.objects.select_related("service", "departure__train", "stand_by_for__train")
    return rows.filter(external_id=name).first()
