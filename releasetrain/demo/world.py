"""Describe the demonstration's world as values: who works there, what they ship, and when."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from releasetrain.accounts.rules import Role

ENVIRONMENT = "production"
FLAG = "new-checkout"
SHOP = "storefront"
DEMO_TRAIN = "checkout-express"
DEMO_ZONE = "Europe/Berlin"
DEPARTS_AFTER = timedelta(minutes=2)
CUT_OFF_AFTER = timedelta(minutes=1)
SECONDS_A_STAGE = 20
WEIGHTS = (1, 5, 10, 25, 50, 100)
ACCELERATED = [{"weight": weight, "bake_seconds": SECONDS_A_STAGE} for weight in WEIGHTS]
# Where a proxy can copy requests: nobody gets the new version yet, and it is judged already.
SHADOWED = [{"weight": 0, "mirror": 50, "bake_seconds": SECONDS_A_STAGE}, *ACCELERATED]
USUAL = [{"weight": weight, "bake_seconds": 600} for weight in WEIGHTS]


@dataclass(frozen=True, slots=True)
class TeamSpec:
    slug: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class PersonSpec:
    """Somebody who works there; `team` is empty for a role in the whole house.

    A `part` is the name under which a visitor may look around as this person.
    """

    email: str
    name: str
    time_zone: str
    role: Role
    team: str = ""
    part: str = ""
    can: str = ""
    icon: str = "user-round"

    @property
    def title(self) -> str:
        """Return the part in words; somebody who may only look is called by why they look."""
        return "Stakeholder" if self.role is Role.VIEWER else self.role.label.capitalize()


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """Something that is shipped, with the flag that moves its traffic."""

    slug: str
    name: str
    team: str
    flag: str
    flag_says: str
    stable: str
    repository: str = ""


@dataclass(frozen=True, slots=True)
class TrainSpec:
    """A train that runs every week at a local wall time; `weekday` counts from Monday as 0."""

    slug: str
    name: str
    team: str
    services: tuple[str, ...]
    time_zone: str
    weekday: int
    at: str
    captain: str
    cut_off_lead: timedelta


@dataclass(frozen=True, slots=True)
class ChangeSpec:
    """Something that somebody wants to ship; `train` is empty where it waits for one."""

    title: str
    service: str
    version: str
    by: str
    description: str
    rollback_plan: str
    train: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class GuardrailSpec:
    """A promise about the storefront, tuned to thirty requests a second and a bake of seconds.

    In earnest a stage excludes smaller ratios and bakes for minutes; what these numbers can detect is shown
    beside the verdict.
    """

    name: str
    metric: str
    tolerated_rate: float
    absolute_limit: float
    excludes: float = 20.0

    def fields(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "metric": self.metric,
            "tolerated_rate": self.tolerated_rate,
            "absolute_limit": self.absolute_limit,
            "excludes": self.excludes,
        }


TEAMS = (
    TeamSpec("storefront", "Storefront", "Europe/Berlin"),
    TeamSpec("payments", "Payments", "America/New_York"),
    TeamSpec("search", "Search", "Asia/Singapore"),
    TeamSpec("platform", "Web Platform", "UTC"),
)

PEOPLE = (
    PersonSpec(
        "ana.sousa@demo.example",
        "Ana Sousa",
        "Europe/Lisbon",
        Role.SUBMITTER,
        "storefront",
        part="submitter",
        can="submits changes and follows them to 100 %",
        icon="git-pull-request",
    ),
    PersonSpec(
        "maya.chen@demo.example",
        "Maya Chen",
        "America/New_York",
        Role.RELEASE_MANAGER,
        part="release-manager",
        can="says go, pauses, promotes, rolls back",
        icon="scale",
    ),
    PersonSpec(
        "priya.nair@demo.example",
        "Priya Nair",
        "Asia/Kolkata",
        Role.ON_CALL,
        part="on-call",
        can="votes and holds the brake",
        icon="bell",
    ),
    PersonSpec(
        "sam.okoro@demo.example",
        "Sam Okoro",
        "Europe/London",
        Role.VIEWER,
        part="stakeholder",
        can="looks, and presses nothing",
        icon="eye",
    ),
    PersonSpec(
        "robin.vega@demo.example",
        "Robin Vega",
        "UTC",
        Role.ADMINISTRATOR,
        part="administrator",
        can="adds people, teams, trains and policies",
        icon="settings",
    ),
    PersonSpec("lee.park@demo.example", "Lee Park", "Asia/Seoul", Role.SUBMITTER, "search"),
    PersonSpec("noor.haddad@demo.example", "Noor Haddad", "America/Chicago", Role.SUBMITTER, "payments"),
    PersonSpec("tomasz.wojcik@demo.example", "Tomasz Wójcik", "Europe/Warsaw", Role.RELEASE_MANAGER),
    PersonSpec("jonas.berg@demo.example", "Jonas Berg", "Europe/Stockholm", Role.ON_CALL),
)

SERVICES = (
    ServiceSpec(SHOP, "Storefront", "storefront", FLAG, "Show the tax inside a total", "2026.46-1"),
    ServiceSpec("payments", "Payments", "payments", "card-retry", "Try a declined card once more", "4.18.0"),
    ServiceSpec("search", "Search", "search", "spelling-hints", "Suggest how it is spelt", "v213"),
    ServiceSpec(
        "help-centre",
        "Help centre",
        "platform",
        "help-pages",
        "Show the newest help pages",
        "f95f852bd8fca8fcc58a9a2d6c842781e32a215e",
        repository="Codertocat/Hello-World",
    ),
)
DEPENDENCIES = ((SHOP, "payments"), (SHOP, "search"))

GUARDRAILS = (
    GuardrailSpec("Error rate", "errors", tolerated_rate=0.03, absolute_limit=0.2),
    GuardrailSpec("Slow answers (over 1 s)", "latency", tolerated_rate=0.03, absolute_limit=0.3),
    GuardrailSpec("Orders missed", "orders", tolerated_rate=0.05, absolute_limit=0.5),
)

POLICY = "Release manager and on-call"
QUORUMS = {Role.RELEASE_MANAGER: 1, Role.ON_CALL: 1}

TRAINS = (
    TrainSpec(
        "web-platform", "Web Platform", "platform", ("help-centre", SHOP), "UTC", 1, "13:00",
        "tomasz.wojcik@demo.example", timedelta(hours=2),
    ),
    TrainSpec(
        "payments-regional", "Payments Regional", "payments", ("payments",), "America/New_York", 2, "15:30",
        "maya.chen@demo.example", timedelta(hours=3),
    ),
    TrainSpec(
        "search-night-mail", "Search Night Mail", "search", ("search",), "Asia/Singapore", 3, "22:15",
        "tomasz.wojcik@demo.example", timedelta(hours=6),
    ),
)  # fmt: skip

TAX_LINE = ChangeSpec(
    "Show the tax inside the total, by rate",
    SHOP,
    "",
    "ana.sousa@demo.example",
    "The new checkout takes the tax inside the prices apart and shows it by rate. The total stays the same.",
    "Switch the flag new-checkout off: everybody gets the old checkout with their next request.",
    train=DEMO_TRAIN,
    flag=FLAG,
)
CHANGES = (
    ChangeSpec(
        "Suggest how a word is spelt", "search", "v214", "lee.park@demo.example",
        "Offers the nearest known word when a search finds nothing.", "Switch the flag spelling-hints off.",
        train="search-night-mail", flag="spelling-hints",
    ),
    ChangeSpec(
        "Try a declined card once more", "payments", "4.19.0", "noor.haddad@demo.example",
        "Half of the declines of one bank go through a second later.", "Switch the flag card-retry off.",
        train="payments-regional", flag="card-retry",
    ),
    ChangeSpec(
        "Keep the basket for a week", SHOP, "2026.48-2", "ana.sousa@demo.example",
        "Baskets were lost overnight.", "Nothing beside the version.",
        train="web-platform",
    ),
    ChangeSpec(
        "Rank what is in stock first", "search", "v215-rc1", "lee.park@demo.example",
        "Out-of-stock goods move to the end of a page.", "Switch the ranking back in the search settings.",
    ),
)  # fmt: skip


def parts() -> dict[str, PersonSpec]:
    """Return whom a visitor may look around as, by the name in the address."""
    return {person.part: person for person in PEOPLE if person.part}
