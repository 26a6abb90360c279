"""Name what each fragment is drawn from: flat values, ready to show.

Every template under templates/<noun>/ says in its first comment which of these it takes. Times are aware UTC;
`zone` is the train's IANA name; an address that may not be used by this audience is an empty string; a state
is one of the keys of `web.templatetags.ui.LOOKS`; `reasons` hold lib.verdict.Reason (text, until, who).
"""

from releasetrain.panels.shapes.board import Board, BoardGroup, BoardRow
from releasetrain.panels.shapes.changes import ChangePage, ChangeRow, RiskLine, Step
from releasetrain.panels.shapes.common import Action, Link, Mark, Pager, Point, Stage, Tab, Tone
from releasetrain.panels.shapes.departures import (
    Ballot,
    Choice,
    Decision,
    Feed,
    FeedItem,
    Manifest,
    ManifestBundle,
    ManifestChange,
    Need,
    NextStep,
    RolloutLine,
    Summary,
)
from releasetrain.panels.shapes.house import AuditRow, DemoPerson
from releasetrain.panels.shapes.notices import NoticeList, NoticeRow
from releasetrain.panels.shapes.rollouts import (
    Chart,
    ErrorKind,
    Errors,
    GuardrailCard,
    Guardrails,
    HoldLine,
    Holds,
    LivePage,
    LiveRollout,
    Operator,
    RolloutTrack,
)
from releasetrain.panels.shapes.trains import (
    MovedDate,
    PastDeparture,
    PolicyLine,
    Rung,
    TrainDate,
    TrainPage,
    TrainRow,
)

__all__ = [
    "Action",
    "AuditRow",
    "Ballot",
    "Board",
    "BoardGroup",
    "BoardRow",
    "ChangePage",
    "ChangeRow",
    "Chart",
    "Choice",
    "Decision",
    "DemoPerson",
    "ErrorKind",
    "Errors",
    "Feed",
    "FeedItem",
    "GuardrailCard",
    "Guardrails",
    "HoldLine",
    "Holds",
    "Link",
    "LivePage",
    "LiveRollout",
    "Manifest",
    "ManifestBundle",
    "ManifestChange",
    "Mark",
    "MovedDate",
    "Need",
    "NextStep",
    "NoticeList",
    "NoticeRow",
    "Operator",
    "Pager",
    "PastDeparture",
    "Point",
    "PolicyLine",
    "RiskLine",
    "RolloutLine",
    "RolloutTrack",
    "Rung",
    "Stage",
    "Step",
    "Summary",
    "Tab",
    "Tone",
    "TrainDate",
    "TrainPage",
    "TrainRow",
]
