"""Let the supervisor look after a private server like after any other process."""

import subprocess

from releasetrain.embedded import Server
from releasetrain.processes.logs import Log


class KeptServer:
    """A private server with its log."""

    def __init__(self, server: Server) -> None:
        self.name = server.name
        self._server = server
        self._log = Log(server.log)

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        return self._server.process

    def launch(self) -> None:
        """Start it again over the same folder and socket."""
        self._log.keep_small()
        self._log.begin_run()
        self._server.launch()

    def tail(self) -> list[str]:
        """Give the last lines that it wrote."""
        return self._log.tail()
