"""Run the proxy: `python -m releasetrain.proxy --help`, or `manage.py proxy`."""

import logging
import sys
from collections.abc import Sequence

import uvloop

from releasetrain.proxy import options
from releasetrain.proxy.running import serve


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop, and give the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    chosen = options.read(arguments)
    try:
        token = chosen.token_file.read_text().strip()
    except OSError as error:
        sys.stderr.write(f"The admin's secret cannot be read: {error}\n")
        return 1
    if len(token) < 16:
        sys.stderr.write(f"{chosen.token_file} must hold a secret of at least 16 characters.\n")
        return 1
    try:
        uvloop.run(serve(chosen, token))
    except OSError as error:
        sys.stderr.write(f"The proxy cannot listen: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
