"""Press a button in the house's own web process, as a signed-in person's browser does."""

import contextlib
import http.client
from urllib.parse import urlencode
from uuid import uuid4

from django.test import override_settings

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.bench.worlds.shop import Person, signed_in
from releasetrain.chaos.house import ChaosHouse


def sign_in(house: ChaosHouse) -> Person:
    """Make somebody on call, with a session that the house's key has signed."""
    user = User.objects.create_user(email=f"{uuid4().hex}@example.org", name="On call")
    Membership.objects.create(user=user, role=Role.ON_CALL)
    with override_settings(SECRET_KEY=house.env["RELEASETRAIN_SECRET_KEY"]):
        return signed_in(user)


def answers(house: ChaosHouse) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return ask(house, "GET", "/sign-in/") == 200
    return False


def press(house: ChaosHouse, person: Person, rollout: int) -> None:
    """Press “Roll back”; whether an answer comes is not asked, the process may be killed meanwhile."""
    form = urlencode({"command_id": str(uuid4()), "reason": "It smells."})
    with contextlib.suppress(OSError, http.client.HTTPException):
        ask(house, "POST", f"/rollouts/{rollout}/rollback/", form, person.headers)


def ask(
    house: ChaosHouse, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(house.env["PORT"]), timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, body or None, headers or {})
        return connection.getresponse().status
