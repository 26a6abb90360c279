"""Take traffic back from a shell, also when the web process, Redis and every worker are gone."""

import time
from collections.abc import Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from releasetrain.catalog.models import Environment, Service
from releasetrain.events.actions import SystemActor
from releasetrain.lib import clock
from releasetrain.rollouts.actions import bring_back, press_on
from releasetrain.rollouts.actions.everything import Asked
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rolling import unfinished
from releasetrain.rollouts.rules.states import RolloutState

PATIENCE = 30.0
LOOKS_EVERY = 0.1
NAMED = ("target__service", "target__environment")


class Command(BaseCommand):
    """Bring back one rollout, those of a departure, a service or an environment, or all; wait for 0 %."""

    help = "Roll back at once; needs PostgreSQL and the driver, and nothing else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="everything that rolls or waits to")
        parser.add_argument("--rollout", type=int, help="the number of one rollout")
        parser.add_argument("--departure", type=int, help="the number of a departure (RT-12 is 12)")
        parser.add_argument("--service", metavar="SLUG", help="what rolls of one service")
        parser.add_argument("--environment", metavar="SLUG", help="what rolls in one environment")
        parser.add_argument("--list", action="store_true", help="say what it would bring back, and stop")
        parser.add_argument("--reason", default="Rolled back from the shell.")
        parser.add_argument(
            "--wait",
            type=float,
            default=PATIENCE,
            metavar="SECONDS",
            help="how long to go on asking until 0 %% is read back twice (30)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        rows = list(chosen(options).select_related(*NAMED))
        if not rows:
            raise CommandError("Nothing rolls there.")
        if options["list"]:
            for row in rows:
                self.stdout.write(f"Rollout {row.pk}, {row}: {row.state} at {row.desired_weight} %.")
            return
        asked = bring_back(rows, reason=options["reason"][:500], by=SystemActor("the shell"), now=clock.now())
        for one in asked:
            self.stdout.write(said(one))
        self._wait([one.rollout for one in asked if not one.fault], options["wait"])
        if faults := [one for one in asked if one.fault]:
            raise CommandError(f"{len(faults)} of {len(asked)} could not be asked; run this again.")

    def _wait(self, rollouts: Sequence[Rollout], seconds: float) -> None:
        """Ask on, as workers would, until each is read back twice as 0 %.

        :raises CommandError: names those that are not, when the time is over
        """
        limit = time.monotonic() + seconds
        returning = Rollout.objects.filter(pk__in=[one.pk for one in rollouts])
        returning = returning.filter(state=RolloutState.ROLLING_BACK)
        left = set(returning.values_list("pk", flat=True))
        while left:
            press_on(left)
            still = set(returning.values_list("pk", flat=True))
            for row in Rollout.objects.filter(pk__in=left - still).select_related(*NAMED):
                self.stdout.write(f"Rollout {row.pk}, {row}: {row.state}, 0 % was read back twice.")
            left = still
            if left and time.monotonic() >= limit:
                raise CommandError(unsure(returning, seconds))
            time.sleep(LOOKS_EVERY if left else 0)


def chosen(options: dict[str, Any]) -> QuerySet[Rollout]:
    """Choose what to bring back.

    :raises CommandError: nothing says what, or there is no such service or environment
    """
    rows = unfinished().order_by("-desired_weight", "pk")
    named = ("rollout", "departure", "service", "environment")
    if not options["all"] and all(options[name] is None for name in named):
        raise CommandError(
            "Say what to take back: --rollout N, --departure N, --service SLUG, --environment SLUG or --all."
        )
    if options["rollout"] is not None:
        rows = rows.filter(pk=options["rollout"])
    if options["departure"] is not None:
        rows = rows.filter(departure=options["departure"])
    if options["service"] is not None:
        rows = rows.filter(target__service__slug=known(Service, options["service"]))
    if options["environment"] is not None:
        rows = rows.filter(target__environment__slug=known(Environment, options["environment"]))
    return rows


def known(model: type[Service] | type[Environment], slug: str) -> str:
    """Return a slug that names something; a typing error must not look like “nothing rolls”.

    :raises CommandError: there is none, with those there are
    """
    slugs = list(model.objects.order_by("slug").values_list("slug", flat=True))
    if slug not in slugs:
        known_ones = ", ".join(slugs[:50]) or "none yet"
        raise CommandError(f"There is no {model._meta.verbose_name} “{slug}”. Known: {known_ones}.")
    return slug


def said(one: Asked) -> str:
    """Say what became of one that was asked for."""
    row = one.rollout
    if one.fault:
        return f"Rollout {row.pk}, {row}: could not be asked: {one.fault}"
    if row.state != RolloutState.ROLLING_BACK:
        return f"Rollout {row.pk}, {row}: {row.state}; no user saw it."
    answer = (
        row.intents.filter(action="rollback").order_by("-fence").values_list("outcome", flat=True).first()
    )
    words = f"the driver answered “{answer}”" if answer else "the driver has not answered"
    return f"Rollout {row.pk}, {row}: asked for 0 %, {words}."


def unsure(returning: QuerySet[Rollout], seconds: float) -> str:
    """Name what is not certain to be back."""
    names = "; ".join(f"rollout {row.pk}, {row}" for row in returning.select_related(*NAMED))
    return (
        f"Not read back as 0 % twice within {seconds:g} s: {names}. Workers ask on for ever; "
        "without workers, run this again."
    )
