"""Name what the audit and the sign-in page are drawn from."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event with its place in the chain; `details` are (name, value) pairs ready to read."""

    position: int
    at: datetime
    text: str
    kind: str
    actor: str
    subject: str
    digest: str
    url: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody whose eyes one may borrow in the demonstration."""

    name: str
    role: str
    can: str
    url: str
    icon: str = "user-round"
