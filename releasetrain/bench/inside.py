"""Run one benchmark inside its private house and leave its result in a file; started by `bench.house`."""

import importlib
import json
import sys
from pathlib import Path

import django

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.house import REFUSED
from releasetrain.bench.options import Options


def main(argv: list[str]) -> int:
    """Prepare the database, measure, write down.

    :param argv: the benchmark's name, its options as JSON, the file for the result
    """
    name, options, answer = argv[0], Options(**json.loads(argv[1])), Path(argv[2])
    django.setup()
    from django.core.management import call_command  # inline: settings must be ready

    try:
        call_command("migrate", verbosity=0)
        plain = importlib.import_module(f"releasetrain.bench.{name}").run(options).as_json()
    except CannotMeasure as error:
        answer.write_text(json.dumps({"refused": str(error)}))
        return REFUSED
    except KeyboardInterrupt:
        return 130
    answer.write_text(json.dumps(plain))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
