"""Say no in a sentence that a person can act on."""

from datetime import datetime


class Refused(Exception):
    """Refuse what was asked, saying what, why, until when and who can change it."""

    status = 409
    code = "refused"

    def __init__(
        self, message: str, *, code: str = "", status: int = 0, until: datetime | None = None, who: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.until = until
        self.who = who


class NotAllowed(Refused):
    """Refuse somebody who lacks the role for it."""

    status = 403
    code = "not_allowed"


class NotFound(Refused):
    """Refuse because there is no such thing, or none that this person may see."""

    status = 404
    code = "not_found"


class Invalid(Refused):
    """Refuse what was typed or sent, naming the field."""

    status = 422
    code = "invalid"

    def __init__(self, message: str, *, field: str = "", code: str = "", who: str = "") -> None:
        super().__init__(message, code=code, who=who)
        self.field = field


class Stale(Refused):
    """Refuse a command that was decided on a page showing an older state."""

    code = "stale"
