"""Lock a rollout's row in a transaction and stop, as a process does that is frozen: `holder ROLLOUT`."""

import os
import signal
import sys

import django

HELD = "held"


def main(rollout: int) -> None:
    """Hold the row until PostgreSQL or somebody else ends this."""
    django.setup()
    from django.db import transaction  # inline: settings must be ready

    from releasetrain.rollouts.models import Rollout  # inline: settings must be ready

    with transaction.atomic():
        Rollout.objects.select_for_update(no_key=True).get(pk=rollout)
        sys.stdout.write(f"{HELD}\n")
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    main(int(sys.argv[1]))
