"""Fill trains, changes, the log and the sign-in page."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from releasetrain.insights.rules import Run, figures
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import (
    Action,
    AuditRow,
    ChangePage,
    ChangeRow,
    DeadlineLine,
    DemoPerson,
    Link,
    Pager,
    PastDeparture,
    PolicyLine,
    RiskLine,
    Rung,
    Step,
    Tab,
    TrainDate,
    TrainPage,
    TrainRow,
    VariantLine,
    WeekLine,
)
from releasetrain.web.views.styleguide.common import DIGEST, HERE, WEIGHTS


def train_rows(now: datetime) -> list[TrainRow]:
    """Show three trains."""
    ladder = "1 · 5 · 10 · 25 · 50 · 100"
    return [
        TrainRow(
            HERE,
            "Checkout Express",
            "Checkout",
            "Monday to Thursday at 16:00",
            "Europe/Berlin",
            "checkout",
            ladder,
            now + timedelta(hours=2),
            HERE,
            "boarding",
        ),
        TrainRow(
            HERE,
            "Payments Regional",
            "Payments",
            "Every weekday at 12:30",
            "America/New_York",
            "payments, ledger",
            ladder,
            now + timedelta(minutes=72),
            HERE,
            "deciding",
        ),
        TrainRow(
            HERE,
            "Mainframe Freight",
            "Core",
            "First Tuesday of the month at 06:00",
            "Asia/Tokyo",
            "core",
            "10 · 50 · 100",
        ),
    ]


def train_page(now: datetime) -> TrainPage:
    """Show one train with its dates and its past."""
    dates = [
        TrainDate(
            now + timedelta(days=day, hours=2),
            now + timedelta(days=day, hours=1),
            "boarding" if day == 0 else "scheduled",
            HERE if day < 3 else "",
            "clocks go forward by 1 h before it" if day == 2 else "",
            14 if day == 0 else 0,
            code=f"RT-{480 + day}",
            captain="Maya Chen" if day % 2 else "Jon Park",
            deputy="Jon Park" if day % 2 else "Maya Chen",
        )
        for day in range(5)
    ]
    dates[1] = replace(
        dates[1],
        was_at=now + timedelta(hours=20),
        moved_by="Maya Chen",
        deadlines=[DeadlineLine("Translations in", now, was_at=now - timedelta(hours=9))],
        handover_note="The ledger migration runs first.",
    )
    skip = Action("restore", "Restore", HERE, "undo-2", "quiet")
    dates[3] = replace(dates[3], state="skipped", actions=[skip])
    past = [
        PastDeparture(HERE, "RT-478", now - timedelta(days=1), "arrived", "1 h 3 min, 11 changes"),
        PastDeparture(
            HERE, "RT-471", now - timedelta(days=4), "rolled_back", "from 5 % in 0.31 s: errors ×4.2"
        ),
    ]
    return TrainPage(
        "Checkout Express",
        "Checkout",
        "Monday to Thursday at 16:00",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
        "Europe/Berlin",
        "production",
        ["checkout", "basket"],
        [Rung(weight, "10 min" if weight < 100 else "soak 30 min") for weight in WEIGHTS],
        "Two people and on-call",
        [
            PolicyLine("release manager", 2, "Maya Chen, Jon Park, Lee Park"),
            PolicyLine("on-call", 1, "Priya Nair"),
        ],
        "opens 7 d before departure",
        "Maya Chen",
        dates,
        past,
        figures=figures(_runs(now)),
        is_accelerated=True,
        edit_url=HERE,
        history_url=HERE,
        cut_offs=[
            ("Cut-off for database", "2 working days before departure at 17:00"),
            ("Cut-off for everything else", "1 h before departure"),
        ],
        milestones=[("Translations in", "Thursday of week R−1, anywhere on Earth")],
        captains=["Maya Chen", "Jon Park"],
        turns="at every departure",
        check_in="opens 1 h before departure",
        lane="trains",
        on_call=[Link("Checkout", HERE)],
        variants=[VariantLine("Holiday week", "every Wednesday at 10:00 Europe/Berlin", 2, HERE)],
        weeks=[
            WeekLine(date(2026, 11, 23), "", [now, now + timedelta(days=1)], HERE),
            WeekLine(date(2026, 11, 30), "Holiday week", [now + timedelta(days=9)], HERE),
        ],
        variant_url=HERE,
    )


def _runs(now: datetime) -> list[Run]:
    """Return three departures, one of which came back."""
    hour = timedelta(hours=1)
    return [
        Run(
            departed_at=now,
            finished_at=now + hour,
            arrived=number != 2,
            rolled_back=number == 2,
            rollbacks=int(number == 2),
            planned_at=now,
        )
        for number in range(3)
    ]


def change_rows(now: datetime) -> list[ChangeRow]:
    """Show changes in several states."""
    sent = now - timedelta(hours=5)
    return [
        ChangeRow(
            HERE,
            "Show prices with tax at checkout",
            "Ana Sousa",
            "payments",
            "f3a91c0",
            "aboard",
            sent,
            "RT-481",
            HERE,
            now + timedelta(minutes=72),
            "America/New_York",
            "shop/payments#1841",
            HERE,
        ),
        ChangeRow(
            HERE,
            "Round totals half to even",
            "Lee Park",
            "checkout",
            "91aa0c2",
            "submitted",
            sent,
            source="shop/checkout#77",
            source_url=HERE,
        ),
        ChangeRow(
            HERE,
            "Cache suggestions for a minute",
            "Tomasz Wójcik",
            "suggest",
            "v4.2.1",
            "returned",
            sent,
            "RT-477",
            HERE,
            now - timedelta(hours=6),
            "Europe/Berlin",
        ),
        ChangeRow(
            HERE,
            "Drop the old invoice template",
            "Ana Sousa",
            "billing",
            "77b0d31",
            "shipped",
            sent,
            "RT-478",
            HERE,
            now - timedelta(hours=4),
            "UTC",
        ),
    ]


def change_page(now: datetime) -> ChangePage:
    """Show where a change is."""
    return ChangePage(
        1841,
        "Show prices with tax at checkout",
        "Ana Sousa",
        "Payments",
        "payments",
        "f3a91c0",
        "aboard",
        now - timedelta(hours=5),
        [
            Step("Submitted", "done", at=now - timedelta(hours=5)),
            Step("Aboard RT-481, sealed as revision 2", "done", at=now - timedelta(minutes=48)),
            Step("People decide", "current", note="2 of 3 approvals"),
            Step("Departs", "pending", expected_at=now + timedelta(minutes=72)),
            Step(
                "At 100 %",
                "pending",
                expected_at=now + timedelta(hours=2, minutes=14),
                note="if nothing holds it",
            ),
        ],
        zone="America/New_York",
        description="Totals include the tax of the shipping address.",
        rollback_plan="Nothing beside the version.",
        flag_key="tax-at-checkout",
        departure="RT-481",
        departure_url=HERE,
        source="shop/payments#1841",
        source_url=HERE,
        risk="medium",
        risk_lines=[
            RiskLine("Touches 14 files in 3 modules", 3),
            RiskLine("Its service was rolled back 4 days ago", 4),
        ],
        sentence="As likely as not, everybody has it by Mon 23 Nov, 14:30 New York (UTC−5); in nine cases of "
        "ten by Tue 24 Nov, 11:00.",
        grounds=[Step("Pace", "pending", note="The last 14 rollouts took 1.1 times as long as planned.")],
        p50_at=now + timedelta(hours=2, minutes=14),
        p90_at=now + timedelta(hours=23),
        reasons=[Reason("votes", "On-call has not voted yet.", None, "Priya Nair")],
        missing=["A go from on-call: Priya Nair, for 31 minutes"],
        actions=[
            Action(
                "withdraw",
                "Ask to withdraw",
                HERE,
                "corner-up-left",
                asks="required",
                consequence="This makes revision 3. “Book tax lines into the ledger” needs it and goes too.",
            ),
            Action(
                "move",
                "Move to another departure",
                HERE,
                "redo-2",
                reason=Reason("sealed", "The manifest is sealed.", None, "The captain, Maya Chen,"),
            ),
        ],
    )


def audit_rows(now: datetime) -> list[AuditRow]:
    """Show rows of the log."""
    return [
        AuditRow(
            9120,
            now,
            "Maya Chen said go on RT-481",
            "trains.vote.cast",
            "Maya Chen",
            "RT-481",
            DIGEST,
            HERE,
            [("choice", "go"), ("role", "release manager")],
        ),
        AuditRow(
            9119,
            now - timedelta(minutes=3),
            "engine moved storefront 10 % → 25 %",
            "rollouts.stage.shifted",
            "engine",
            "RT-480",
            DIGEST[::-1],
            HERE,
        ),
    ]


def tabs() -> list[Tab]:
    """Show three views of a list."""
    return [Tab("Mine", HERE, is_current=True, count=4), Tab("My teams’", HERE, count=17), Tab("All", HERE)]


def pager() -> Pager:
    """Show the middle of a list."""
    return Pager(51, 100, 2496, HERE, HERE)


def demo_people() -> list[DemoPerson]:
    """Show the four pairs of eyes."""
    return [
        DemoPerson(
            "Ana Sousa", "Submitter", "submits changes and follows them to 100 %", HERE, "git-pull-request"
        ),
        DemoPerson("Maya Chen", "Release manager", "says go, pauses, promotes, rolls back", HERE, "scale"),
        DemoPerson("Priya Nair", "On-call", "votes and holds the brake", HERE, "bell"),
        DemoPerson("Sam Okoro", "Stakeholder", "looks, and presses nothing", HERE, "eye"),
    ]
