"""The simulated proxy: its world is a row, and users are placed as flags place them."""

import time
from typing import Any, ClassVar

from django.db import connection

from releasetrain.catalog.models import Target
from releasetrain.flags.rules.buckets import gate
from tests.drivers.rig import NEW, OLD, Answer, Rig

LATE_SECONDS = 0.2


class Users:
    """Read the simulated world for each request."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def ask(self, user: str, path: str = "/") -> Answer:
        config = Target.objects.values_list("driver_config", flat=True).get(pk=self.target.pk)
        weight = config.get("world", {}).get("weight", 0)
        return Answer(NEW if user and gate(1, NEW, user) < weight * 1000 else OLD, 200)

    def close(self) -> None:
        connection.close()


class TheRig(Rig):
    kind = "simulated"
    is_in_database = True
    lacks: ClassVar[dict[str, str]] = {
        "servers": "it has no servers",
        "restart": "its world is a row: nothing restarts",
    }

    def config(self) -> dict[str, Any]:
        return {}

    def client(self) -> Users:
        return Users(self.target)

    def break_link(self) -> None:
        self._spoil(unreachable=True, lose_request=1000)

    def mend_link(self) -> None:
        self._spoil()

    def freeze(self) -> None:
        self._spoil(late=1000, late_seconds=LATE_SECONDS)

    def thaw(self) -> None:
        self._spoil()
        time.sleep(LATE_SECONDS)

    def drift(self, weight: int) -> None:
        self.target.refresh_from_db()
        self.target.driver_config["world"]["weight"] = weight
        self.target.save(update_fields=["driver_config"])

    def forget(self) -> None:
        self.target.refresh_from_db()
        self.target.driver_config.get("world", {}).pop("asked", None)
        self.target.save(update_fields=["driver_config"])

    def _spoil(self, **faults: Any) -> None:
        self.target.refresh_from_db()
        self.target.driver_config["faults"] = faults
        self.target.save(update_fields=["driver_config"])
