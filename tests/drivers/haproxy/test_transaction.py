"""In whatever order the commands of two changes reach a real HAProxy, the newer change stands."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.haproxy import runtime, transaction
from releasetrain.rollouts.drivers.haproxy.setting import Setting
from releasetrain.rollouts.drivers.haproxy.transaction import Result, look, put
from releasetrain.rollouts.drivers.salts import salt_of
from tests.drivers.rig import FENCES, PATIENCE
from tests.drivers.rigs.haproxy import TheRig

pytestmark = pytest.mark.skipif(bool(TheRig.why_not_here()), reason=TheRig.why_not_here())
OLDER, NEWER = False, True
# The newer one prepares, the older one goes up to its commit, the newer one goes its whole way.
PREPARED_FIRST = [NEWER, *[OLDER] * 6, *[NEWER] * 30]
# The older one commits while the newer one looks around: what the newer one had prepared is cleared away.
CLEARED_AWAY = [NEWER, *[OLDER] * 6, NEWER, *[OLDER] * 3, NEWER, *[OLDER, NEWER] * 2, OLDER]


@pytest.fixture(scope="module")
def proxy() -> Iterator[TheRig]:
    rig = TheRig()
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


class Change:
    """One change in a thread of its own, which sends a command whenever it is told to."""

    def __init__(self, proxy: TheRig, setting: Setting) -> None:
        self.may_go, self.has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.result: Result | None = None
        self.thread = threading.Thread(target=self._run, args=(proxy, setting), daemon=True)
        self.thread.start()
        self._wait()

    def step(self) -> None:
        if self.result is None:
            self.may_go.release()
            self._wait()

    def finish(self) -> Result:
        while self.result is None:
            self.step()
        return self.result

    def before_a_command(self) -> None:
        self.has_stopped.release()
        assert self.may_go.acquire(timeout=PATIENCE)

    def _wait(self) -> None:
        assert self.has_stopped.acquire(timeout=PATIENCE)

    def _run(self, proxy: TheRig, setting: Setting) -> None:
        RUNNING[threading.get_ident()] = self
        self.result = put(str(proxy.socket), str(proxy.map), setting, Budget(PATIENCE))
        del RUNNING[threading.get_ident()]
        self.has_stopped.release()


RUNNING: dict[int, Change] = {}


def ask_in_turn(endpoint: str, command: str, budget: Budget) -> str:
    if change := RUNNING.get(threading.get_ident()):
        change.before_a_command()
    return runtime.ask(endpoint, command, budget)


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.lists(st.booleans(), max_size=30))
@example(PREPARED_FIRST)
@example(CLEARED_AWAY)
def test_in_any_order_of_their_commands_the_newer_of_two_changes_stands(
    proxy: TheRig, turns: list[bool]
) -> None:
    older, newer = Setting(80, next(FENCES), salt_of("a")), Setting(0, next(FENCES))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transaction, "ask", ask_in_turn)
        changes = {OLDER: Change(proxy, older), NEWER: Change(proxy, newer)}
        for turn in turns:
            changes[turn].step()
        result = changes[NEWER].finish()
        changes[OLDER].finish()
    assert result.is_well, result
    assert look(str(proxy.socket), str(proxy.map), Budget(PATIENCE)) == newer
