"""Run a worker that is stopped at the worst moment: `python -m tests.faults.frozen_worker WHEN SILENCE`.

It stops once, where a stage begins to bake: WHEN "claimed" it has the claim and has written nothing, when
"written" it has written and not committed. SILENCE is how long PostgreSQL lets it keep its locks, "0" for
ever.
"""

import os
import signal
import sys
from typing import Any

from celery.__main__ import main
from celery.signals import worker_process_init

from releasetrain.lib import transactions

ARGV = ["celery", "-A", "releasetrain", "worker", "-Q", "engine,rollback", "--concurrency", "1"]
WHEN = sys.argv[1]


@worker_process_init.connect
def stop_in_the_middle(**_: Any) -> None:
    from releasetrain.rollouts import store  # inline: the apps must be ready
    from releasetrain.rollouts.actions import tick  # inline: the apps must be ready

    write, tell = store.write, store._tell

    def stop_and_write(step: Any, *args: Any, **named: Any) -> Any:
        stop(step, "claimed")
        return write(step, *args, **named)

    def tell_and_stop(step: Any, *args: Any) -> None:
        tell(step, *args)
        stop(step, "written")

    tick.write = stop_and_write  # type: ignore[attr-defined]
    store._tell = tell_and_stop  # type: ignore[assignment]


def stop(step: Any, when: str) -> None:
    if when == WHEN and step.transitions and step.snapshot.state == "baking":
        say("stopped in the middle")
        os.kill(os.getpid(), signal.SIGSTOP)
        say("woke up")


def say(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    transactions.LONGEST_SILENCE = sys.argv[2]
    sys.argv = [*ARGV, "--without-gossip", "--without-mingle", "--loglevel", "info"]
    main()
