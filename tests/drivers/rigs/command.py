"""The programs of the help page, which set and read the file of a toy router."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from django.test import override_settings

from releasetrain.rollouts.drivers.samples import samples_of
from tests.drivers.rig import Rig
from tests.drivers.router import Router


class TheRig(Rig):
    kind = "command"
    # Other processes ask for the names of the target's service and environment.
    is_in_database = True
    kill_points: ClassVar[tuple[str, ...]] = ("in the call, after the target has it",)
    lacks: ClassVar[dict[str, str]] = {
        "restart": "the router keeps its share in a file, which is all that there is",
        "freeze": "a command that hangs is shown in tests/drivers/command",
    }

    def start(self) -> None:
        super().start()
        self.folder = Path(tempfile.mkdtemp(prefix="rig-command-"))
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        self.world = self.folder / "world.json"
        self.world.write_text('{"weight": 0, "fence": 0}')
        for sample in samples_of("command"):
            if sample.name.endswith(".sh"):
                self._write(sample.name, sample.text)
        self.router = Router(self.world, self.old, self.new)
        paths = {"RELEASETRAIN_DATA": self.folder / "data", "RELEASETRAIN_COMMAND_PATHS": self.programs}
        self.before = {name: os.environ.get(name) for name in paths}
        os.environ.update({name: str(path) for name, path in paths.items()})
        self.settings = override_settings(DATA_DIR=self.folder / "data", COMMAND_PATHS=(str(self.programs),))
        self.settings.enable()

    def stop(self) -> None:
        self.settings.disable()
        for name, value in self.before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        self.router.stop()
        super().stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def address(self) -> str:
        return self.router.address

    def config(self) -> dict[str, Any]:
        return {
            "command": [str(self.programs / "shift.sh"), str(self.world)],
            "observe": [str(self.programs / "weight.sh"), str(self.world)],
            "candidate": [self.new.address],
            "baseline": [self.old.address],
        }

    def break_link(self) -> None:
        self.programs.rename(self.folder / "away")

    def mend_link(self) -> None:
        (self.folder / "away").rename(self.programs)

    def drift(self, weight: int) -> None:
        self.world.write_text(f'{{"weight": {weight}, "fence": 1}}')

    def _write(self, name: str, text: str) -> None:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
