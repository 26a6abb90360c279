"""Fill what is about time and people: a schedule in the making, what it moves, notices, teams and a rota."""

from datetime import UTC, datetime, timedelta

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import (
    Action,
    ClimbCell,
    ClimbDate,
    ClimbPreview,
    ClimbStage,
    DutyLine,
    GapLine,
    MovedDate,
    MovedDeadline,
    NoticeList,
    NoticeRow,
    Preview,
    RotaDay,
    RotaPage,
    ScheduleWords,
    Segment,
    ShiftLine,
    ShiftWords,
    Tab,
    TeamList,
    TeamRow,
    WordDate,
)
from releasetrain.web.forms.deadlines import CutOffForm, MilestoneForm
from releasetrain.web.views.styleguide.common import DIGEST, HERE

ZONE = "Europe/Berlin"
SUMMER = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


def cut_off_form() -> CutOffForm:
    """Show a cut-off as one types it."""
    initial = {"category": "database", "kind": "workdays", "days": 2, "time": "17:00"}
    return CutOffForm(prefix="cut_offs-0", initial=initial)


def milestone_form() -> MilestoneForm:
    """Show a milestone as one types it."""
    initial = {"name": "Translations in", "kind": "week", "weeks": 1, "weekday": "TH"}
    return MilestoneForm(prefix="milestones-0", initial=initial)


def words() -> ScheduleWords:
    """Say a schedule that meets the night in which the clocks go forward."""
    note = "02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin; 03:30 is taken instead."
    return ScheduleWords(
        "Every Sunday at 02:30 Europe/Berlin",
        ZONE,
        [
            WordDate(SUMMER - WEEK, SUMMER - WEEK - timedelta(hours=2)),
            WordDate(SUMMER, SUMMER - timedelta(hours=2), "clocks go forward by 1 h before it", note),
            WordDate(SUMMER + WEEK, SUMMER + WEEK - timedelta(hours=2)),
        ],
        ["Cut-off: 2 h before departure", "Cut-off for database: 2 working days before departure at 17:00"],
        ["Translations in: Thursday of week R−1, anywhere on Earth"],
        ["The milestone Testing would be on the day after departure, which is too late."],
    )


def climb() -> ClimbPreview:
    """Show a ladder that begins with a region, asks for an approval, and meets a freeze."""
    hour, at = timedelta(hours=1), SUMMER
    freeze = Reason("window", "“Stocktaking” stops this: the auditors count.", at + 3 * hour, "Maya Chen")
    stages = [
        ClimbStage("50 % of region=eu", "10 min", cells=[ClimbCell(at)]),
        ClimbStage("10 %", "1 h", needs_approval=True, cells=[ClimbCell(at + hour, reason=freeze)]),
        ClimbStage("100 %", "1 h", cells=[ClimbCell(None)]),
    ]
    return ClimbPreview(
        ZONE,
        "3 stages, 2 h 10 min if nothing holds it, and as long as 1 approval takes.",
        services=["storefront"],
        stages=stages,
        dates=[ClimbDate(at, None, None, freeze), ClimbDate(at + WEEK, None, at + WEEK + 2 * hour)],
        more=1,
    )


def preview() -> Preview:
    """Show a departure that moves with its deadlines, one that stays, and one that goes away."""
    day, hour = timedelta(days=1), timedelta(hours=1)
    moved = MovedDate(
        "RT-482",
        SUMMER,
        SUMMER + day,
        14,
        HERE,
        [
            MovedDeadline("Cut-off", SUMMER - 2 * hour, SUMMER + day - 2 * hour),
            MovedDeadline("Translations in", None, SUMMER - 3 * day),
        ],
        "clocks go forward by 1 h before it",
    )
    stays = "It stays as it is: Maya Chen moved it by hand."
    return Preview(
        [
            moved,
            MovedDate("RT-490", SUMMER + WEEK, SUMMER + WEEK, 3, HERE, notes=[stays]),
            MovedDate("RT-497", SUMMER + 2 * WEEK, None, 0, HERE),
        ],
        rest=[MovedDate("RT-503", SUMMER + 3 * WEEK, SUMMER + 3 * WEEK + day, 0, HERE)],
        added=[MovedDate("New", None, SUMMER + 4 * WEEK)],
        added_count=2,
        told=["Ana Sousa", "Lee Park"],
        notes=["02:30 does not exist on Sun 28 Mar 2027 in Europe/Berlin; 03:30 is taken instead."],
        digest=DIGEST,
    )


def notices(now: datetime) -> NoticeList:
    """Show what somebody was told, two things of it not read yet."""
    lines = (
        (
            "calendar-clock",
            "warn",
            (
                "Maya Chen postponed Checkout Express RT-482 from Mon 23 Nov, 16:00 to Tue 24 Nov, 14:00 "
                "Berlin (UTC+1): the ledger migration is not through."
            ),
        ),
        (
            "shield-alert",
            "think",
            (
                "Ana Sousa asked to move Payments Regional RT-481 in spite of Weekend: the tax change is law "
                "from midnight on."
            ),
        ),
        ("train-front", "ok", "Web Platform RT-480 departed with storefront f3a91c0."),
    )
    rows = [
        NoticeRow(number, text, now - timedelta(minutes=17 * number), HERE, icon, tone, number < 3)  # type: ignore[arg-type]
        for number, (icon, tone, text) in enumerate(lines, 1)
    ]
    return NoticeList(rows, [Tab("All", HERE, is_current=True), Tab("Unread", HERE, count=2)], 2)


def teams(now: datetime) -> TeamList:
    """Show a team that is watched, one with a gap, and one without a rota."""
    return TeamList(
        [
            TeamRow("Checkout", ZONE, 7, HERE, ["Priya Nair"], now + timedelta(hours=5)),
            TeamRow("Payments", "America/New_York", 5, HERE, [], None, now, has_rota=True),
            TeamRow("Core", "Asia/Tokyo", 3, HERE, has_rota=False),
        ]
    )


def rota(now: datetime) -> RotaPage:
    """Show a rota that follows the sun and has a gap."""
    hour = timedelta(hours=1)
    parts = [
        Segment(0, 333, "Jon Park", "00:00", "08:00"),
        Segment(333, 334, "Priya Nair", "08:00", "16:00"),
        Segment(667, 83, "", "16:00", "18:00"),
        Segment(750, 250, "Maya Chen", "18:00", "24:00"),
    ]
    remove = Action(
        "remove-4",
        "Remove",
        HERE,
        "trash-2",
        "quiet",
        asks="optional",
        consequence="From now on nobody is on call by this shift.",
    )
    return RotaPage(
        "Payments",
        "payments",
        ZONE,
        [DutyLine("Priya Nair", now - hour, now + 5 * hour)],
        [DutyLine("Maya Chen", now + 7 * hour, now + 15 * hour)],
        [RotaDay("Mon 23 Nov", parts, 520), RotaDay("Tue 24 Nov", parts)],
        [GapLine(now + 5 * hour, now + 7 * hour, "2 h")],
        [
            ShiftLine(
                4, "every working day at 08:00 to 16:00", ZONE, ["Priya Nair", "Tomasz Wójcik"],
                "Look at the queue first.", edit_url=HERE, remove=remove,
            ),
            ShiftLine(5, "every day at 18:00 to 24:00", "America/New_York", ["Maya Chen"],
                      source="from the calendar Pager West"),
        ],
        add_url=HERE,
    )  # fmt: skip


def shift_words(now: datetime) -> ShiftWords:
    """Say a shift in the making, one time of which the clocks make longer."""
    night = timedelta(hours=12)
    longer = "13 h instead of 12 h: the clocks change"
    return ShiftWords(
        "Every week on Friday at 20:00 to 08:00",
        ZONE,
        [
            DutyLine("Priya Nair", now, now + night),
            DutyLine("Jon Park", now + WEEK, now + WEEK + night, longer),
        ],
        ["The shift ends before it starts."],
    )
