"""Run a worker that is stopped in mid-transaction: `python -m tests.faults.frozen_worker SILENCE`.

It stops once, after it has written that a stage bakes and before the commit. SILENCE is how long PostgreSQL
lets it hold what it has locked, "0" for ever.
"""

import os
import signal
import sys
from typing import Any

from celery.__main__ import main
from celery.signals import worker_process_init

from releasetrain.lib import transactions

ARGV = ["celery", "-A", "releasetrain", "worker", "-Q", "engine,rollback", "--concurrency", "1"]


@worker_process_init.connect
def stop_before_the_commit(**_: Any) -> None:
    from releasetrain.rollouts import store  # inline: the apps must be ready

    tell = store._tell

    def stop_and_tell(step: Any, *args: Any) -> None:
        tell(step, *args)
        if step.transitions and step.snapshot.state == "baking":
            sys.stderr.write("stopped in the middle of a transaction\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSTOP)

    store._tell = stop_and_tell  # type: ignore[assignment]


if __name__ == "__main__":
    transactions.LONGEST_SILENCE = sys.argv[1]
    sys.argv = [*ARGV, "--without-gossip", "--without-mingle", "--loglevel", "info"]
    main()
