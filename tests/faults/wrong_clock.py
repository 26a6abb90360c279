"""Run the worker on a machine whose clock is wrong: `python -m tests.faults.wrong_clock SECONDS`."""

import sys
from datetime import UTC, datetime, timedelta

import time_machine
from celery.__main__ import main

ARGV = ["celery", "-A", "releasetrain", "worker", "-Q", "engine,rollback", "--concurrency", "1"]

if __name__ == "__main__":
    wrong = datetime.now(UTC) + timedelta(seconds=float(sys.argv[1]))
    sys.argv = [*ARGV, "--without-gossip", "--without-mingle", "--loglevel", "info"]
    with time_machine.travel(wrong, tick=True):
        main()
