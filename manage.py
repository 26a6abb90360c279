#!/usr/bin/env python3
"""Run the house and its commands on a machine that has Python 3.11 or newer and nothing else."""

import sys
from pathlib import Path

if sys.version_info < (3, 11):  # noqa: UP036 - older ones come this far, and deserve a sentence
    sys.exit(
        "Release Train needs Python 3.11 or newer, and {} is {}.{}. Run it with a newer one, for example: "
        "python3.12 manage.py up".format(sys.executable, *sys.version_info)
    )

sys.path.insert(0, str(Path(__file__).resolve().parent))

from releasetrain.bootstrap.main import main  # only once the version will do

if __name__ == "__main__":
    sys.exit(main(sys.argv))
