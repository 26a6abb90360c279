"""Answer who may start a hotfix, break the glass, attest, and give what is owed afterwards."""

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Service
from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, denied, deny
from releasetrain.trains.models import BreakGlass, Change, Departure
from releasetrain.trains.queries.glasses import seats_owed
from releasetrain.trains.queries.permissions import By, may_run
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.hotfixes import why_not_break
from releasetrain.trains.rules.states import DepartureState


def may_know(service: Service, roles: Roles | None, what: str) -> Verdict:
    """Tell whether somebody answers for a service: its submitters, on-call people and release managers."""
    if roles is None or may(roles, Role.SUBMITTER, service):
        return ALLOWED
    text = f"To {what} one needs the role submitter, on-call or release manager for {service.name}."
    return deny("role", text, who="an administrator")


def break_glass(departure: Departure, permission: Verdict, roles: Roles | None) -> Verdict:
    """Answer whether somebody may break the glass: who runs the train, or is on call for a service aboard.

    :param permission: whether this person runs it
    """
    allowed = ALLOWED if _is_on_call_aboard(departure, roles) else permission
    return combine(allowed, denied(_why_not_break(departure)))


def _is_on_call_aboard(departure: Departure, roles: Roles | None) -> bool:
    if roles is None:
        return False
    rows = Change.objects.filter(departure=departure).select_related("service")
    return any(may(roles, Role.ON_CALL, row.service) for row in rows)


def _why_not_break(departure: Departure) -> Reason | None:
    return why_not_break(
        DepartureState(departure.state),
        is_hotfix=departure.train.lane == Lane.HOTFIX,
        is_broken=BreakGlass.objects.filter(departure=departure).exists(),
        asks=departure.plan.get("requirements", ()),
    )


def about_glass(glass: BreakGlass, actor: By, roles: Roles | None, *, reviews: bool) -> Verdict:
    """Answer whether somebody may review a broken glass, or give a vote that it owes."""
    if not reviews:
        return _say_afterwards(glass, actor)
    departure = glass.departure
    runs = may_run(departure.train, actor, roles, "review this broken glass", departure=departure)
    return combine(runs, denied(_why_not_review(glass, actor)))


def _say_afterwards(glass: BreakGlass, actor: By) -> Verdict:
    if not isinstance(actor, User):
        return deny("not_a_person", "Only people vote; tokens and system accounts cannot.")
    if glass.confirmed_at is not None:
        return deny("confirmed", "Every vote that was owed has been given.")
    if DepartureState(glass.departure.state) not in GONE:
        text = "It has not departed yet: the votes of its small quorum are given on its page."
        return deny("not_gone", text)
    if not seats_owed(glass, actor):
        asked = " or ".join(Role(one["role"]).label for one in glass.full_asks)
        text = f"The full policy asks for {asked}, which you do not hold for it."
        return deny("role", text, who="an administrator")
    return ALLOWED


def _why_not_review(glass: BreakGlass, actor: By) -> Reason | None:
    if glass.reviewed_at is not None:
        return Reason("reviewed", "This broken glass was reviewed already.")
    if isinstance(actor, User) and actor.pk == glass.asked_by_id:
        return Reason("second_person", "You broke the glass; somebody else must review it.")
    return None
