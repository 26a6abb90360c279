"""Be one version of the shop, whatever anybody asks: the proxy before it decides who comes."""

import time
from pathlib import Path

from releasetrain.demo.shop import Version
from releasetrain.demo.sides import Deployed


class Fixed:
    """Answer as a flag that is on for everybody, or for nobody."""

    def __init__(self, version: Version, data: Path) -> None:
        self.key = version.value
        self.evaluations = self.errors = 0
        self.last_error = ""
        self.version = version
        self._deployed = Deployed(data)

    async def is_on(self, user: str) -> bool:
        return self.version is Version.NEW

    @property
    def name(self) -> str:
        """Return which version is deployed here."""
        return self._deployed.name(self.version)

    def close(self) -> None:
        """Nothing is open."""

    def wait_until_deployed(self) -> None:
        """Stay away for as long as this side is meant to be dead."""
        while self.version is Version.NEW and self._deployed.is_killed:
            time.sleep(0.2)
