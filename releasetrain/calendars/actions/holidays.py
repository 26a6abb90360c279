"""Add the holidays of a country or of a part of it."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Holidays
from releasetrain.calendars.rules.holidays import UnknownPlace, read_country, read_subdivision
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import SystemActor, record
from releasetrain.lib.errors import Invalid, NotAllowed

LONGEST_NAME = 100


@transaction.atomic
def add_holidays(
    *, name: str, country: str, subdivision: str = "", by: User | SystemActor, now: datetime
) -> Holidays:
    """Add a holiday calendar, for trains to count working days by and windows to lie on.

    :param country: an ISO 3166-1 code or a name; so is `subdivision`, where empty means the whole country
    :raises Invalid: the place is not known, or its holidays are here already
    :raises NotAllowed: by somebody who manages no releases anywhere
    """
    _refuse_strangers(by)
    try:
        code = read_country(country)
        part = read_subdivision(code, subdivision)
    except UnknownPlace as refusal:
        raise Invalid(str(refusal), field=refusal.field) from refusal
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(f"Holidays need a name of at most {LONGEST_NAME} characters.", field="name")
    if Holidays.objects.filter(name=name).exists():
        raise Invalid(f"There are holidays named “{name}” already.", field="name")
    if known := Holidays.objects.filter(country=code, subdivision=part).first():
        raise Invalid(f"These holidays are here already, as “{known}”.", field="country")
    made = Holidays.objects.create(name=name, country=code, subdivision=part)
    record(kind="calendars.holidays.added", subject=made, actor=by, now=now, country=code, subdivision=part)
    return made


def _refuse_strangers(by: User | SystemActor) -> None:
    if not isinstance(by, User):
        return
    roles = roles_of(by)
    if not any(roles.has_any(role) for role in (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)):
        raise NotAllowed(
            "To add holidays one needs the role release manager or administrator, in a team or in the house.",
            who="an administrator",
        )
