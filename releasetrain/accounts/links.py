"""Write and read private calendar addresses: signed, without a session, worth as much as their nonce."""

from dataclasses import dataclass
from secrets import compare_digest

from django.conf import settings
from django.core import signing

from releasetrain.accounts.models import CalendarLink, User
from releasetrain.lib.errors import NotFound

SALT = "releasetrain.accounts.calendar"
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Addresses:
    """The private addresses of one person’s calendars."""

    token: str

    @property
    def me(self) -> str:
        return self._at("me")

    def team(self, slug: str) -> str:
        return self._at(f"team/{slug}")

    def train(self, slug: str) -> str:
        return self._at(f"train/{slug}")

    def _at(self, what: str) -> str:
        return f"{settings.PUBLIC_URL}/calendar/feeds/{self.token}/{what}.ics"


def calendar_addresses(user: User) -> Addresses | None:
    """Return the private calendar addresses of a person; None until they have asked for some."""
    link = CalendarLink.objects.filter(user=user).first()
    return Addresses(_signer().sign_object([user.pk, link.nonce])) if link else None


def person_of_link(token: str) -> User:
    """Return whose address this is.

    :raises NotFound: it was never made, was renewed, or its person has left
    """
    try:
        pk, nonce = _signer().unsign_object(token[:LONGEST])
        link = CalendarLink.objects.select_related("user").filter(user=int(pk)).first()
    except (signing.BadSignature, TypeError, ValueError, UnicodeError):
        link, nonce = None, ""
    if link is None or not compare_digest(link.nonce, str(nonce)) or not link.user.is_active:
        raise NotFound(
            "This calendar address is worth nothing (any more). Its owner finds the present one here."
        )
    return link.user


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt=SALT)
