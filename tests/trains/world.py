"""Bring departures to the state that a test begins with, by the verbs themselves."""

from typing import Any

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.trains import actions, queries
from releasetrain.trains.actions import Voted
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.states import Choice
from tests import make


def manager(name: str = "Rob") -> User:
    return User.objects.filter(name=name).first() or make.user(name, Role.RELEASE_MANAGER)


def submitter(name: str = "Ada") -> User:
    return User.objects.filter(name=name).first() or make.user(name, Role.SUBMITTER)


def aboard(departure: Departure, **fields: Any) -> Change:
    """Put a change of Ada's aboard."""
    fields.setdefault("author", submitter())
    return make.change(departure=departure, state="aboard", boarded_at=make.NOW, **fields)


def sealed(departure: Departure | None = None, **fields: Any) -> Departure:
    """Make a departure with one change aboard that is past its cut-off and sealed."""
    departure = departure or make.departure(**fields)
    if not departure.changes.exists():
        aboard(departure)
    make.target()
    return actions.seal(departure, now=departure.cut_off_at)


def cleared(departure: Departure | None = None, **fields: Any) -> Departure:
    """Make a sealed departure that Rob has said go to."""
    departure = sealed(departure, **fields)
    assert vote(departure, manager()).cleared
    departure.refresh_from_db()
    return departure


def rolling(departure: Departure | None = None, **fields: Any) -> Departure:
    departure = cleared(departure, **fields)
    return actions.depart(departure, now=departure.departs_at)


def digest(departure: Departure) -> str:
    return queries.latest_manifests([departure.pk])[departure.pk].digest


def vote(departure: Departure, by: User, choice: Choice = Choice.GO, **fields: Any) -> Voted:
    fields.setdefault("now", departure.cut_off_at)
    if "digest" not in fields:
        fields["digest"] = digest(departure)
    return actions.vote(departure, choice=choice, by=by, **fields)


def kinds(departure: Departure | None = None) -> list[str]:
    """Return the kinds of what happened, without their area; to one departure where it is named."""
    events = Event.objects.order_by("pk")
    if departure is not None:
        events = events.filter(topics__contains=[f"departure:{departure.pk}"])
    return [kind.removeprefix("trains.") for kind in events.values_list("kind", flat=True)]


def pull_request(action: str = "opened", sha: str = "a" * 40, **pull: Any) -> dict[str, Any]:
    """Make a pull-request message of the repository octo/shop."""
    fields = {
        "number": 7,
        "title": "Show prices with tax",
        "html_url": "https://github.com/octo/shop/pull/7",
        "body": "As the law says.",
        "draft": False,
        "merged": False,
        "merged_at": None,
        "merge_commit_sha": None,
        "user": {"login": "octocat"},
        "head": {"sha": sha},
    }
    return {
        "action": action,
        "pull_request": {**fields, **pull},
        "repository": {"full_name": "octo/shop"},
    }
