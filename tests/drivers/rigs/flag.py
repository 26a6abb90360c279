"""A feature flag: an application asks for it in each request, and answers by one version or the other."""

from typing import Any, ClassVar

from django.db import connection

from releasetrain.events.actions import SYSTEM
from releasetrain.flags.actions import set_percentage
from releasetrain.flags.models import Flag, FlagEnvironment
from releasetrain.flags.queries import state_of
from releasetrain.flags.rules import Answer as Told
from releasetrain.flags.rules import evaluate
from releasetrain.lib import clock
from tests import make
from tests.drivers.rig import NEW, OLD, Answer, Rig

KEY = "new-checkout"


class Application:
    """Ask for the flag, as a server of both versions does for each request."""

    def ask(self, user: str, path: str = "/") -> Answer:
        row = FlagEnvironment.objects.select_related("flag").get(flag__key=KEY)
        told = evaluate(state_of(row, 1), KEY, user or None)
        return Answer(NEW if isinstance(told, Told) and told.value else OLD, 200)

    def close(self) -> None:
        connection.close()


class TheRig(Rig):
    kind = "flag"
    is_in_database = True
    lacks: ClassVar[dict[str, str]] = {
        "servers": "one server holds both versions",
        "restart": "a flag is a row: nothing restarts",
        "freeze": "a flag is a row: it is taken or refused at once",
    }

    def config(self) -> dict[str, Any]:
        make.flag_environment(KEY)
        return {"flag": KEY}

    def client(self) -> Application:
        return Application()

    def break_link(self) -> None:
        Flag.objects.filter(key=KEY).update(key="renamed")

    def mend_link(self) -> None:
        Flag.objects.filter(key="renamed").update(key=KEY)

    def drift(self, weight: int) -> None:
        row = FlagEnvironment.objects.get(flag__key=KEY)
        set_percentage(
            row, weight * 1000, fence=row.fence, key="by-hand", reason="", actor=SYSTEM, now=clock.now()
        )
