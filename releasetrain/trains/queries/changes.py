"""Find changes: whose, in which state, how risky, and by their words; the database does all of it."""

import re

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
) -> QuerySet[Change]:
    """Return changes with all that a row of a list names.

    :param whose: "mine" are those that a person has written or submitted, "teams" those of the services of
        their teams, "all" everybody's
    :param text: the beginnings of words of title, author, version or number; all of them have to be there
    """
    rows = Change.objects.select_related("service", "departure__train", "stand_by_for__train")
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
    if query := search_query(text):
        rows = rows.alias(words=SEARCHED).filter(words=query)
    return rows.order_by(*ORDERS.get(sort, ORDERS["new"]))


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
