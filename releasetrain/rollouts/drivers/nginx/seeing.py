"""Read back through nginx itself what it goes by, and compare that with what lies in its folder."""

from dataclasses import dataclass

from releasetrain.rollouts.drivers.arms import Fault, ask_version
from releasetrain.rollouts.drivers.base import Observed, Sync
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.nginx.config import Config, Endpoint
from releasetrain.rollouts.drivers.nginx.folder import Stands, look
from releasetrain.rollouts.drivers.nginx.setting import Told, read_told, weight_of

PROBE_PATH = "/releasetrain"
SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One nginx: what it tells and what lies in its folder; `detail` says why one of them is None."""

    endpoint: Endpoint
    told: Told | None = None
    stands: Stands | None = None
    detail: str = ""

    @property
    def is_whole(self) -> bool:
        return self.told is not None and self.stands is not None

    @property
    def weight(self) -> int | None:
        """Return the percentage that gets in, None where nobody knows."""
        if self.told is None or self.stands is None:
            return None
        return 0 if self.told.is_killed else weight_of(set(self.stands.flags))

    @property
    def fence(self) -> int:
        return self.stands.fence if self.stands else 0

    @property
    def agrees(self) -> bool:
        """Tell whether nginx goes by what lies in the folder."""
        return (
            self.told is not None
            and self.stands is not None
            and self.told.is_killed == (self.stands.kill is not None)
            and self.told.name == (self.stands.setting.name if self.stands.setting else "none")
        )


def look_at_all(config: Config, budget: Budget) -> list[Sight]:
    """Look at every endpoint at the same time."""
    return at_once(lambda endpoint: sight_of(endpoint, budget.part(SECONDS)), config.endpoints)


def sight_of(endpoint: Endpoint, budget: Budget) -> Sight:
    """Look into the folder of an nginx, and ask it what it goes by."""
    try:
        stands = look(endpoint.folder)
    except OSError as error:
        return Sight(endpoint, detail=f"The folder {endpoint.folder} cannot be read: {error.strerror}.")
    answer = ask_version(endpoint.address, PROBE_PATH, max(budget.left, 0.01))
    if isinstance(answer, Fault):
        return Sight(endpoint, None, stands, f"nginx at {endpoint} {answer.words}.")
    told = read_told(answer)
    if told is None:
        said = f"nginx at {endpoint} answers {PROBE_PATH} with “{answer[:80]}”, not with what it goes by."
        return Sight(endpoint, None, stands, said)
    return Sight(endpoint, told, stands)


def observed(sights: list[Sight]) -> Observed:
    """Say what the whole target is: by the nginx that lets most users in, and the oldest fence."""
    whole = [one for one in sights if one.is_whole]
    lost = [one for one in sights if not one.is_whole]
    words = " ".join(one.detail for one in lost)
    if not whole:
        return Observed(Sync.UNREACHABLE, detail=words)
    weight, fence = max(one.weight or 0 for one in whole), min(one.fence for one in whole)
    newest = max(whole, key=lambda one: one.fence)
    apart = [one for one in whole if (one.weight, one.fence) != (newest.weight, newest.fence)]
    if lost or apart:
        # What one of them is, nobody has proven for the others.
        names = tuple(str(one.endpoint) for one in [*lost, *apart])
        said = words or ", ".join(f"{one.endpoint} is at {one.weight} %" for one in whole)
        return Observed(Sync.PARTIAL, None if lost else weight, fence, detail=said, missing=names)
    state, why = next((_state(one) for one in whole if _state(one)[0] is not Sync.SYNCED), (Sync.SYNCED, ""))
    return Observed(state, weight, fence, detail=why)


def _state(sight: Sight) -> tuple[Sync, str]:
    stands = sight.stands
    if stands is None or not sight.agrees:
        return Sync.CONVERGING, f"nginx at {sight.endpoint} does not see yet what lies in its folder."
    if stands.kill == 0:
        return Sync.DRIFTED, f"Somebody has set “kill” in {sight.endpoint.folder} by hand."
    if stands.setting is not None and not stands.is_ours:
        return Sync.DRIFTED, f"Somebody else has changed the flags in {sight.endpoint.folder}."
    if stands.setting is None and stands.flags:
        return Sync.DRIFTED, f"“current” in {sight.endpoint.folder} leads to flags that are not ours."
    return Sync.SYNCED, ""
