"""Take traffic back from a shell, also when the web process is gone."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from releasetrain.events.actions import SystemActor
from releasetrain.lib import clock
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutState


class Command(BaseCommand):
    """Bring one rollout back, those of a departure, or all of them."""

    help = "Roll back at once; needs PostgreSQL and the driver, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="everything that users can see now")
        parser.add_argument("--rollout", type=int, help="the number of one rollout")
        parser.add_argument("--departure", type=int, help="the number of a departure (RT-12 is 12)")
        parser.add_argument("--reason", default="Rolled back from the shell.")

    def handle(self, *args: Any, **options: Any) -> None:
        moving = Rollout.objects.filter(state__in=[*sorted(MOVING_STATES), RolloutState.ROLLING_BACK])
        if options["rollout"]:
            chosen = moving.filter(pk=options["rollout"])
        elif options["departure"]:
            chosen = moving.filter(departure=options["departure"])
        elif options["all"]:
            chosen = moving
        else:
            raise CommandError("Say what to take back: --rollout N, --departure N or --all.")
        rows = list(chosen.select_related("target"))
        if not rows:
            raise CommandError("Nothing that users can see is rolling there.")
        for rollout in rows:
            row = roll_back(rollout, reason=options["reason"], by=SystemActor("the shell"), now=clock.now())
            answer = row.intents.order_by("-fence").values_list("outcome", flat=True).first()
            self.stdout.write(f"Rollout {row.pk}, {row}: asked for 0 %, the driver answered “{answer}”.")
