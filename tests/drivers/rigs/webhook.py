"""A receiver of webhooks that sets the share of a toy router, signed and read back over HTTP."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings
from django.test import override_settings

from releasetrain.catalog.models import Secret
from releasetrain.catalog.secrets import add_secret
from releasetrain.lib import clock
from tests.drivers.rig import Rig
from tests.drivers.router import Router
from tests.drivers.webhook.receiver import SECRET, Receiver

NAME = "RELEASETRAIN_INTERNAL_HOSTS"


class TheRig(Rig):
    kind = "webhook"
    is_in_database = True
    lacks: ClassVar[dict[str, str]] = {
        "restart": "the router keeps its share in a file, which is all that there is",
    }

    def start(self) -> None:
        super().start()
        self.folder = Path(tempfile.mkdtemp(prefix="rig-webhook-"))
        self.receiver = Receiver(self.folder / "world.json")
        self.router = Router(self.receiver.world, self.old, self.new)
        given = {NAME: "127.0.0.1", "RELEASETRAIN_SECRET_KEY": settings.SECRET_KEY}
        self.before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        self.settings = override_settings(INTERNAL_HOSTS=frozenset({"127.0.0.1"}))
        self.settings.enable()

    def stop(self) -> None:
        self.settings.disable()
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.receiver.stop()
        self.router.stop()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> str:
        return self.router.address

    def config(self) -> dict[str, Any]:
        if not Secret.objects.filter(name="shifter").exists():
            add_secret(name="shifter", value=SECRET, team=None, by=None, now=clock.now())
        return {
            "url": f"{self.receiver.url}/shift",
            "observe_url": self.receiver.url,
            "secret": {"secret": "shifter"},
            "candidate": [self.new.address],
            "baseline": [self.old.address],
        }

    def freeze(self) -> None:
        self.receiver.thawed.clear()

    def thaw(self) -> None:
        self.receiver.thawed.set()

    def break_link(self) -> None:
        self.receiver.is_away = True

    def mend_link(self) -> None:
        self.receiver.is_away = False

    def drift(self, weight: int) -> None:
        self.receiver.world.write_text(f'{{"weight": {weight}, "fence": 1}}')
