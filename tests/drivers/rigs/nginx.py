"""Two servers behind a real nginx that runs exactly the sample of the help page."""

import os
from typing import Any

from releasetrain.bootstrap.packages import find, why_skipped
from releasetrain.catalog.models import Target
from releasetrain.demo.proxying import around_nginx
from releasetrain.rollouts.drivers.nginx.sample import SAMPLE
from tests.drivers.rig import ProxyRig, free_port


class TheRig(ProxyRig):
    kind = "nginx"

    def __init__(self) -> None:
        super().__init__()
        # Its workers are nobody, and must get at the flags.
        self.folder.chmod(0o755)
        self.shop, self.probe = self.folder / "shop", free_port()
        self.site = self.folder / "site.conf"

    @classmethod
    def why_not_here(cls) -> str:
        return "" if find("nginx", os.environ) else why_skipped("nginx")

    def config(self, **changes: Any) -> dict[str, Any]:
        return {
            "endpoints": [f"{self.shop} 127.0.0.1:{self.probe}"],
            "baseline": [self.old.address],
            "candidate": [self.new.address],
            "config_file": str(self.site),
        } | changes

    def start(self) -> None:
        super().start()
        self.target = Target(driver=self.kind, driver_config=self.config())

    def argv(self) -> list[str]:
        return [
            str(find("nginx", os.environ)),
            *("-e", str(self.folder / "said")),
            *("-p", str(self.folder), "-c", str(self.folder / "nginx.conf")),
        ]

    def write_files(self) -> None:
        self.shop.mkdir()
        (self.folder / "nginx.conf").write_text(around_nginx(self.folder))
        self.site.write_text(self.written())

    def written(self) -> str:
        """Return the sample with the addresses and paths of this machine, and nothing else changed."""
        text = SAMPLE.read_text()
        for sample, own in {
            "listen 8080": f"listen {self.address}",
            "127.0.0.1:8081": f"127.0.0.1:{self.probe}",
            "/var/lib/releasetrain/shop": str(self.shop),
            "10.0.0.11:8080": self.old.address,
            "10.0.0.21:8080": self.new.address,
        }.items():
            assert sample in text
            text = text.replace(sample, own)
        return text

    def drift(self, weight: int) -> None:
        for bucket in range(1, weight + 1):
            (self.shop / "current" / str(bucket)).touch()
