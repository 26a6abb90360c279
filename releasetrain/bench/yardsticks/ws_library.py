"""Find Node's `ws` on this machine; nothing is installed for a benchmark."""

import importlib.util
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Where Node looks when asked from here, and the copy that comes with the browser driver of the tests.
FIND = "process.stdout.write(require.resolve('ws'))"
BUNDLE = "driver/package/lib/utilsBundle.js"


@dataclass(frozen=True, slots=True)
class WsLibrary:
    """Node, and a file that it can load `ws` from."""

    node: str
    path: str
    origin: str


def find_ws() -> WsLibrary | str:
    """Return the library, or the sentence why Node is left out."""
    node = shutil.which("node")
    if node is None:
        return "Node's ws was left out: there is no node on this machine."
    run = subprocess.run([node, "-e", FIND], capture_output=True, text=True, timeout=20, check=False)
    if run.returncode == 0:
        return WsLibrary(node, run.stdout, "the installed package ws")
    if bundled := _bundled():
        return WsLibrary(node, str(bundled), "the ws that Playwright's driver carries")
    return "Node's ws was left out: node is here, the package ws is not (“npm install ws” would bring it)."


def _bundled() -> Path | None:
    spec = importlib.util.find_spec("playwright")
    for root in (spec.submodule_search_locations or []) if spec else []:
        if (path := Path(root) / BUNDLE).exists():
            return path
    return None
