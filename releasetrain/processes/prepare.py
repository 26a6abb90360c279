"""Bring tables, demonstration world and first sign-in link up to date, as `up` does before it opens.

One process for all of it, because starting Django is most of what each step would cost. Run as
`python -m releasetrain.processes.prepare RESULT [load|reset|none]`; the result is written as JSON.
"""

import io
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import django
from django.core.management import call_command


@dataclass(frozen=True)
class Prepared:
    """What `up` wants to know afterwards."""

    link: str = ""  # signs the first administrator in, once
    is_demo: bool = False  # the demonstration lives here


def main(result: str, demo: str) -> None:
    """Prepare the house and write down the result."""
    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    is_demo = demo != "none" and _load_demo(demo)
    prepared = Prepared(link=_said("sign_in_link", "--first"), is_demo=is_demo)
    Path(result).write_text(json.dumps(asdict(prepared)))


def _load_demo(wish: str) -> bool:
    """Load or reset the demonstration, unless somebody works in this house; tell whether it lives here."""
    from releasetrain.demo.build import is_loaded  # needs the apps

    call_command("demo", wish if is_loaded() else "load")  # what is no demonstration is never emptied
    return is_loaded()


def _said(*command: str) -> str:
    said = io.StringIO()
    call_command(*command, stdout=said)
    return said.getvalue().strip()


if __name__ == "__main__":
    main(*sys.argv[1:])
