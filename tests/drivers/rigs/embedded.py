"""Our own proxy, a process of its own, with its admin on a port."""

import sys
from typing import Any, ClassVar

import httpx

from tests.drivers.rig import ProxyRig, free_port

TOKEN = "a-secret-of-the-tests"


class TheRig(ProxyRig):
    kind: ClassVar[str] = "embedded"

    def __init__(self) -> None:
        super().__init__()
        self.admin = f"127.0.0.1:{free_port()}"

    def write_files(self) -> None:
        (self.folder / "token").write_text(TOKEN)

    def argv(self) -> list[str]:
        return [
            *(sys.executable, "-m", "releasetrain.proxy", "--listen", self.address, "--admin", self.admin),
            *("--state", str(self.folder / "state.json"), "--token-file", str(self.folder / "token")),
            *("--baseline", self.old.address, "--candidate", self.new.address),
        ]

    def config(self) -> dict[str, Any]:
        return {
            "endpoints": [self.admin],
            "token_file": str(self.folder / "token"),
            "baseline": [self.old.address],
            "candidate": [self.new.address],
        }

    def drift(self, weight: int) -> None:
        place, headers = f"http://{self.admin}/state", {"Authorization": f"Bearer {TOKEN}"}
        fence = httpx.get(place, headers=headers).json()["fence"]
        answer = httpx.put(place, headers=headers, json={"weight": weight, "fence": fence})
        assert answer.status_code == 200, answer.text
