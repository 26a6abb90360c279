"""A strict API server with a controller that hands the weights of a route to a toy router."""

import json
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
from tests.drivers.kubernetes.routes import PATH, Document, by_hand, route, take, weight_of
from tests.drivers.kubernetes.server import TOKEN, ApiServer
from tests.drivers.rig import Rig
from tests.drivers.router import Router


class TheRig(Rig):
    kind = "gateway"
    # The token is a row, and another process has to read it.
    is_in_database = True
    lacks: ClassVar[dict[str, str]] = {
        "restart": "an API server keeps its objects, whoever restarts",
        "freeze": "a server that hangs is shown in tests/drivers/kubernetes",
    }

    def start(self) -> None:
        super().start()
        self.folder = Path(tempfile.mkdtemp(prefix="rig-gateway-"))
        self.world = self.folder / "world.json"
        self.server = ApiServer(self.control)
        self.server.put(PATH, route())
        self.router = Router(self.world, self.old, self.new)
        given = {
            "RELEASETRAIN_INTERNAL_HOSTS": "127.0.0.1",
            "RELEASETRAIN_SECRET_KEY": settings.SECRET_KEY,
        }
        self.before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        self.settings = override_settings(INTERNAL_HOSTS=frozenset({"127.0.0.1"}))
        self.settings.enable()

    def control(self, document: Document) -> None:
        take(document)
        self.world.write_text(json.dumps({"weight": weight_of(document)}))

    def stop(self) -> None:
        self.settings.disable()
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.server.stop()
        self.router.stop()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> str:
        return self.router.address

    def config(self) -> dict[str, Any]:
        if not Secret.objects.filter(name="cluster").exists():
            add_secret(name="cluster", value=TOKEN, team=None, by=None, now=clock.now())
        return {
            "server": self.server.url,
            "token": {"secret": "cluster"},
            "authorities": self.server.authorities,
            "namespace": "shop",
            "route": "storefront",
            "baseline_backend": "old",
            "candidate_backend": "new",
            "candidate": [self.new.address],
            "baseline": [self.old.address],
        }

    def break_link(self) -> None:
        self.server.is_away = True

    def mend_link(self) -> None:
        self.server.is_away = False

    def drift(self, weight: int) -> None:
        self.server.change(PATH, by_hand(weight))
