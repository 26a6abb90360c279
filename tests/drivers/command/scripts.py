"""Real little programs that a target can name, and a target that names them."""

from pathlib import Path
from typing import Any

from releasetrain.catalog.models import Target
from tests import make

SHIFT = """#!/bin/sh
echo "asked for $RT_WEIGHT % ($RT_ACTION) under $RT_FENCE"
printf '{"weight": %s, "fence": %s}\\n' "$RT_WEIGHT" "$RT_FENCE" > "$1.new" && mv "$1.new" "$1"
echo "$RT_ACTION $RT_WEIGHT $RT_FENCE $RT_KEY" >> "$1.journal"
echo '{"done": true}'
"""
WEIGHT = """#!/bin/sh
exec cat "$1"
"""


class Bench:
    """A folder of programs, the world that they change, and a target that is moved by them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.world = folder / "programs", folder / "world.json"
        self.folder.mkdir()
        self.world.write_text('{"weight": 0, "fence": 0}\n')
        self.target = make.target(
            driver="command",
            driver_config={
                "command": [str(self.write("shift", SHIFT)), str(self.world)],
                "observe": [str(self.write("weight", WEIGHT)), str(self.world)],
            },
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def commanded(self, text: str, **config: Any) -> Target:
        """Have another program do the shifting."""
        self.target.driver_config["command"] = [str(self.write("other", text)), str(self.world)]
        self.target.driver_config |= config
        self.target.save(update_fields=["driver_config"])
        return self.target

    def journal(self) -> list[str]:
        """Return what the shifting program was asked for, as `ACTION WEIGHT FENCE KEY`."""
        path = Path(f"{self.world}.journal")
        return path.read_text().splitlines() if path.exists() else []
