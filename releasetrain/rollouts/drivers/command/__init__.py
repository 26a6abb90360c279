"""Move traffic by a command of one's own: never a shell, one at a time, and nothing of it is left behind.

A command that takes longer than a moment goes on in the background under its key; what is read back by a
second command tells when it has arrived. A rollback ends whatever still runs for users to come.
"""

import time
from typing import Any, ClassVar

from django.conf import settings

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import reveal
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.rollouts.drivers.arms import lines_of, servers_of, why_not_version
from releasetrain.rollouts.drivers.base import (
    Ack,
    Capabilities,
    Desired,
    Drained,
    Finding,
    Health,
    Observed,
    Outcome,
    Sync,
)
from releasetrain.rollouts.drivers.command import runs
from releasetrain.rollouts.drivers.command.fields import FIELDS, number_of
from releasetrain.rollouts.drivers.command.orders import (
    Answer,
    Ended,
    Order,
    ReadBack,
    read_back,
    read_end,
    why_not_argv,
)
from releasetrain.rollouts.drivers.command.runs import Busy, Program, Run
from releasetrain.rollouts.drivers.fields import Field, problems_of

# A quick command is answered for at once; any other is left to run, and nobody waits for it.
MOMENT_SECONDS = 1.0
READ_BACK_SECONDS = 1.0
# What ended well may still take so long until it can be read back.
ARRIVAL_SECONDS = 15.0
LEAST_SECONDS = 0.05
# Characters of the output that a page shows; the folder of the run has more of it.
LONGEST_SHOWN = 20_000
Config = dict[str, Any]


class CommandDriver:
    """Run a program of one's own for each shift, and another one that reads the weight back."""

    kind: ClassVar[str] = "command"
    label: ClassVar[str] = "Command"
    capabilities: ClassVar[Capabilities] = Capabilities(patience_seconds=660.0)
    fields: ClassVar[tuple[Field, ...]] = FIELDS

    def check(self, target: Target, config: Config) -> list[Finding]:
        found = [Finding(one, is_blocking=True) for one in problems_of(FIELDS, config)]
        for name in ("command", "observe", "rollback"):
            argv = lines_of(config, name)
            if (argv or name != "rollback") and (why := why_not_argv(argv, settings.COMMAND_PATHS)):
                found.append(Finding(f"{name.capitalize()}: {why}", is_blocking=True))
        if why := _why_not_secret(config):
            found.append(Finding(why, is_blocking=True))
        if why := _why_not_folder(target):
            found.append(Finding(why, is_blocking=True))
        if not lines_of(config, "candidate"):
            found.append(
                Finding("No candidate servers are named: nothing checks their version before users come.")
            )
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        config = desired.target.driver_config
        blocking = [one for one in self.check(desired.target, config) if one.is_blocking]
        if blocking:
            return Ack(Outcome.REFUSED, blocking[0].text)
        seen = _observe(desired.target, _left(until))
        if seen.weight is None:
            return Ack(Outcome.UNKNOWN, seen.detail)
        if seen.version and seen.version != desired.version:
            return Ack(Outcome.REFUSED, f"The candidate runs {seen.version}, not {desired.version}.")
        if lines_of(config, "candidate") and (why := why_not_version(config, desired.version, _left(until))):
            return Ack(Outcome.REFUSED, why)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        order = _order(desired.target, key, "apply", desired.weight, desired.fence, desired.version)
        return _carry_out(desired.target, order, deadline)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return _carry_out(target, _order(target, key, "rollback", 0, fence, target.stable_version), deadline)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        seen = _observe(target, deadline)
        if seen.weight is None:
            return Observed(Sync.UNREACHABLE, at=clock.now(), detail=seen.detail)
        latest = next(iter(runs.runs_of(runs.home_of(target.pk))), None)
        is_moving = latest is not None and latest.ended() is None
        state = Sync.CONVERGING if is_moving else Sync.SYNCED
        return Observed(state, weight=seen.weight, fence=seen.fence, at=clock.now())

    def answer_of(self, target: Target, *, key: str, deadline: float) -> Ack:
        """Say what has become of a call that was only accepted."""
        run = runs.find(runs.home_of(target.pk), key)
        if run is None:
            return Ack(Outcome.UNKNOWN, "Nothing is kept of this call.")
        until = time.monotonic() + deadline
        ended = run.ended()
        if ended is None:
            return Ack(Outcome.ACCEPTED, _still_running(run))
        ack = _judge(target, run, ended, until)
        is_arriving = time.time() - ended.ended_at < ARRIVAL_SECONDS
        claims = read_end(ended, run.order.weight).outcome is Outcome.CONFIRMED
        if ack.outcome is Outcome.UNKNOWN and claims and is_arriving:
            return Ack(Outcome.ACCEPTED, ack.detail)
        return ack

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(None, detail="A command moves traffic; nobody tells it how many connections are open.")

    def health(self, target: Target) -> Health:
        blocking = [one for one in self.check(target, target.driver_config) if one.is_blocking]
        servers = servers_of(target.driver_config, READ_BACK_SECONDS)
        return Health(not blocking, blocking[0].text if blocking else "", servers)


def last_output(target: Target) -> str:
    """Return what the command of a target has printed last, without its secret, for people to read."""
    try:
        latest = next(iter(runs.runs_of(runs.home_of(target.pk))), None)
    except OSError:
        return ""
    return latest.output()[-LONGEST_SHOWN:] if latest is not None else ""


def _order(target: Target, key: str, action: str, weight: int, fence: int, version: str) -> Order:
    return Order(
        key=key,
        action=action,
        service=target.service.name,
        environment=target.environment.name,
        version=version,
        weight=weight,
        fence=fence,
    )


def _program(config: Config, action: str) -> Program:
    """Return what to run for an action.

    :raises Refused: its secret cannot be opened
    """
    name = "rollback" if action == "rollback" and lines_of(config, "rollback") else "command"
    if action == "observe":
        name = "observe"
    reference = config.get("secret")
    return Program(
        argv=lines_of(config, name),
        seconds=number_of(config, "rollback_seconds" if action == "rollback" else "seconds"),
        folder=str(config.get("folder") or ""),
        secret=reveal(reference) if isinstance(reference, dict) else "",
        secret_by=str(config.get("secret_by") or "file"),
        grace=0.5 if action == "rollback" else 2.0,
    )


def _carry_out(target: Target, order: Order, deadline: float) -> Ack:
    """Have an order run once under its key; the newest decision wins over whatever still runs."""
    until = time.monotonic() + deadline
    config = target.driver_config
    try:
        program = _program(config, order.action)
        if why := why_not_argv(program.argv, settings.COMMAND_PATHS):
            return Ack(Outcome.REFUSED, why)
        home = runs.home_of(target.pk)
        with runs.only_one(home, until):
            run = _run_for(home, order, program)
    except Busy:
        return Ack(Outcome.UNKNOWN, "Somebody else asks this target right now.")
    except Refused as refusal:
        return Ack(Outcome.REFUSED, refusal.message)
    except OSError as error:
        return Ack(Outcome.REFUSED, f"The command cannot be started: {error}")
    if isinstance(run, Ack):
        return run
    is_return = order.action == "rollback"
    moment = min(MOMENT_SECONDS, deadline / 2 if is_return else deadline)
    ended = run.wait(min(until, time.monotonic() + moment))
    if ended is None:
        return Ack(Outcome.ACCEPTED, _still_running(run))
    return _judge(target, run, ended, until)


def _run_for(home: Any, order: Order, program: Program) -> Run | Ack:
    """Find the run of an order, or start it; a target has one at a time."""
    latest = next(iter(runs.runs_of(home)), None)
    if (known := runs.find(home, order.key)) is not None:
        return known
    if latest is not None and order.fence < latest.order.fence:
        return Ack(Outcome.REFUSED, f"Fence {order.fence} is older than {latest.order.fence}.")
    if latest is not None and latest.ended() is None:
        if latest.order.wants_the_same(order):
            return latest
        if latest.stop() is None and order.action != "rollback":
            return Ack(Outcome.UNKNOWN, "The command before this one cannot be ended.")
    return runs.start(home, order, program)


def _still_running(run: Run) -> str:
    seconds = max(0, round(time.time() - run.started_at))
    return f"The command runs since {seconds} s, under fence {run.order.fence}."


def _judge(target: Target, run: Run, ended: Ended, until: float) -> Ack:
    """Say what a run has come to: what it claims counts only once it is read back."""
    claim: Answer = read_end(ended, run.order.weight)
    if claim.outcome is not Outcome.CONFIRMED:
        return Ack(claim.outcome, claim.detail)
    seen = _observe(target, _left(until))
    if seen.weight is None:
        return Ack(Outcome.UNKNOWN, f"The command ended well, but nothing is read back. {seen.detail}")
    if seen.weight != run.order.weight:
        return Ack(
            Outcome.UNKNOWN,
            f"The command ended well (exit 0), but {seen.weight} % is read back, not {run.order.weight} %.",
        )
    return Ack(Outcome.CONFIRMED, claim.detail)


def _observe(target: Target, deadline: float) -> ReadBack:
    order = _order(target, "observe", "observe", 0, 0, "")
    try:
        program = _program(target.driver_config, "observe")
        if why := why_not_argv(program.argv, settings.COMMAND_PATHS):
            return ReadBack(None, detail=why)
        limited = Program(
            program.argv, min(deadline, READ_BACK_SECONDS), program.folder, program.secret, program.secret_by
        )
        return read_back(runs.ask(runs.home_of(target.pk), order, limited))
    except Refused as refusal:
        return ReadBack(None, detail=refusal.message)
    except OSError as error:
        return ReadBack(None, detail=f"The observe command cannot be started: {error}")


def _left(until: float) -> float:
    return max(until - time.monotonic(), LEAST_SECONDS)


def _why_not_secret(config: Config) -> str | None:
    reference = config.get("secret")
    try:
        if isinstance(reference, dict):
            reveal(reference)
    except Refused as refusal:
        return refusal.message
    return None


def _why_not_folder(target: Target) -> str | None:
    try:
        probe = runs.home_of(target.pk) / ".probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return f"The folder for the output of commands cannot be written: {error.strerror}."
    return None
