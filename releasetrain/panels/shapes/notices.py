"""Name what the notices page is drawn from."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.panels.shapes.common import Pager, Tab, Tone


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One thing that a person was told; `url` notes that it was read and leads on."""

    pk: int
    text: str
    at: datetime
    url: str
    icon: str = "info"
    tone: Tone = "quiet"
    is_unread: bool = False


@dataclass(frozen=True, slots=True)
class NoticeList:
    """One page of what a person was told, newest first."""

    rows: list[NoticeRow]
    tabs: list[Tab]
    unread: int
    pager: Pager | None = None
    is_filtered: bool = False
