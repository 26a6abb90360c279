"""Fill the page of a departure, as real as a Tuesday afternoon."""

from datetime import datetime, timedelta
from typing import Any

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import (
    Action,
    Ballot,
    Choice,
    DeadlineLine,
    Deadlines,
    Decision,
    ForecastHold,
    ForecastPanel,
    ForecastService,
    ForecastStage,
    Manifest,
    ManifestBundle,
    ManifestChange,
    Need,
    NextStep,
    OverrideLine,
    Overrides,
    RolloutLine,
    SteerForm,
    Steering,
    Summary,
)
from releasetrain.web.contexts.ballots import PersonalBallot
from releasetrain.web.views.styleguide.common import DIGEST, HERE, WEIGHTS, stages


def summary(now: datetime) -> Summary:
    """Show a departure on which people are deciding."""
    return Summary(
        481,
        "RT-481",
        "Payments Regional",
        HERE,
        "deciding",
        now + timedelta(minutes=72),
        now - timedelta(minutes=48),
        "America/New_York",
        ["payments", "ledger"],
        "production",
        9,
        stages(0, "pending"),
        captain="Maya Chen",
        note="2 of 3 approvals",
        arrives_at=now + timedelta(hours=2, minutes=14),
        reasons=[
            Reason(
                "votes",
                "On-call has not voted yet; Priya Nair was asked 31 minutes ago.",
                None,
                "The captain",
            )
        ],
    )


def next_step(now: datetime) -> NextStep:
    """Show the one thing to do for a person who can do it."""
    return NextStep(
        481,
        "Your go is the last one missing",
        "It leaves at 12:30 New York the moment you agree. Nothing changed since the seal.",
        now + timedelta(minutes=72),
        [
            Action("vote", "Look at the decision", HERE, "scale", "primary"),
            Action(
                "postpone",
                "Postpone",
                HERE,
                "calendar-clock",
                asks="required",
                consequence="All 9 changes stay aboard and stay sealed. Two votes for this time expire.",
            ),
            Action(
                "cancel",
                "Cancel the departure",
                HERE,
                "ban",
                asks="required",
                consequence="All 9 changes move to the next departure, Tue 24 Nov 12:30. No vote goes along.",
            ),
        ],
    )


def manifest(now: datetime) -> Manifest:
    """Show a sealed manifest with a bundle and a drifted change."""
    return Manifest(
        481,
        "America/New_York",
        [
            ManifestBundle(
                "Tax at checkout",
                [
                    ManifestChange(
                        "Show prices with tax at checkout",
                        HERE,
                        "Ana Sousa",
                        "payments",
                        "f3a91c0",
                        "aboard",
                        "medium",
                        source="shop/payments#1841",
                        source_url=HERE,
                    ),
                    ManifestChange(
                        "Book tax lines into the ledger",
                        HERE,
                        "Tomasz Wójcik",
                        "ledger",
                        "0be1772",
                        "aboard",
                        "high",
                        drift="2 newer commits; the pinned version stays aboard",
                        source="shop/ledger#392",
                        source_url=HERE,
                    ),
                ],
            ),
            ManifestBundle(
                "",
                [
                    ManifestChange(
                        "Retry card tokens once on a closed connection",
                        HERE,
                        "Lee Park",
                        "payments",
                        "f3a91c0",
                        "aboard",
                        "low",
                        source="shop/payments#1838",
                        source_url=HERE,
                    )
                ],
            ),
        ],
        9,
        revision=2,
        digest=DIGEST,
        sealed_at=now - timedelta(minutes=48),
        order=["ledger", "payments"],
        submit_url="",
    )


def decision(now: datetime) -> Decision:
    """Show a decision with a vote that does not count and one that is missing."""
    return Decision(
        481,
        "deciding",
        "Two people and on-call",
        [
            Need(
                "Release manager",
                2,
                2,
                [
                    Ballot(
                        "Maya Chen",
                        "go",
                        now - timedelta(minutes=22),
                        carried="Carried over from revision 1",
                    ),
                    Ballot(
                        "Jon Park", "go", now - timedelta(minutes=9), "Checked the ledger migration twice."
                    ),
                    Ballot(
                        "Ana Sousa",
                        "go",
                        now - timedelta(minutes=4),
                        "",
                        "an author of a change aboard does not decide about it",
                    ),
                ],
                is_met=True,
            ),
            Need("On-call of Ledger", 1, 0, [], "Priya Nair", now - timedelta(minutes=31)),
        ],
        digest=DIGEST,
        revision=2,
    )


def ballot() -> PersonalBallot:
    """Show the buttons of a person whose go is the last one."""
    return PersonalBallot(
        481,
        vote_url=HERE,
        revision=2,
        digest=DIGEST,
        go_label="Approve and depart at 12:30",
        seats=[Choice("on_call", "on-call"), Choice("release_manager", "release manager")],
    )


def forecast(now: datetime) -> ForecastPanel:
    """Show a departure that would be held over the weekend, and a stage that nobody watches."""
    leaves = now + timedelta(minutes=72)
    frozen = Reason(
        "window_hard", "“Weekend” stops this: nobody is in.", now + timedelta(hours=60), "Maya Chen"
    )

    def stage(number: int, weight: int, hours: int = 0, **more: Any) -> ForecastStage:
        at = leaves + timedelta(minutes=10 * number, hours=hours)
        return ForecastStage(weight, at, **{"on_call": ["Priya Nair"], **more})

    ledger = [stage(number, weight) for number, weight in enumerate(WEIGHTS)]
    payments = [
        *(stage(number, weight) for number, weight in enumerate(WEIGHTS[:4], 6)),
        stage(10, 50, 60, day="Mon 30 Nov", reason=frozen, on_call=["Jon Park"]),
        stage(11, 100, 60, day="Mon 30 Nov", on_call=[], is_uncovered=True),
    ]
    return ForecastPanel(
        481,
        "America/New_York",
        [ForecastService("ledger", ledger, HERE), ForecastService("payments", payments, HERE)],
        arrives_at=now + timedelta(hours=62),
        hold=ForecastHold(25, "payments", now + timedelta(hours=60), frozen.text),
        last_safe_at=now - timedelta(minutes=20),
        is_safe=False,
        why="“Weekend” begins on Fri 27 Nov 2026 18:00 America/New_York: nobody is in.",
        alternatives=[now + timedelta(hours=60), now + timedelta(hours=84)],
        uncovered=1,
    )


def deadlines(now: datetime) -> Deadlines:
    """Show a cut-off of its own, a milestone that was moved, and who answers."""
    return Deadlines(
        481,
        "America/New_York",
        [
            DeadlineLine(
                "Translations in",
                now - timedelta(hours=20),
                is_over=True,
                was_at=now - timedelta(hours=44),
                moved_by="Maya Chen",
                why="the agency needs a day more",
            ),
            DeadlineLine("Cut-off for database", now - timedelta(hours=3), is_over=True),
            DeadlineLine("Cut-off for everything else", now - timedelta(minutes=48), is_over=True),
        ],
        captain="Maya Chen",
        deputy="Jon Park",
        handover_note="The ledger migration runs first; watch its lock.",
        check_in_at=now + timedelta(minutes=12),
        checked_in=1,
        to_check_in=3,
    )


def overrides(now: datetime) -> Overrides:
    """Show an override that waits for a second person, and one that waits for its review."""
    return Overrides(
        481,
        [
            OverrideLine(
                12,
                "asked",
                ["Weekend"],
                ["payments"],
                now + timedelta(hours=6),
                "The tax change is law from midnight on.",
                "Ana Sousa",
                now - timedelta(minutes=5),
                url=HERE,
            ),
            OverrideLine(
                9,
                "used",
                ["Black Friday"],
                ["ledger"],
                now - timedelta(days=2),
                "A rounding fault in every invoice.",
                "Jon Park",
                now - timedelta(days=3),
                "Maya Chen",
                now - timedelta(days=3),
                now + timedelta(days=2),
                url=HERE,
            ),
        ],
    )


def steering() -> Steering:
    """Show what a captain may do about the course of a departure."""
    return Steering(
        481,
        [
            Action("postpone", "Postpone", HERE, "calendar-clock"),
            Action("hold", "Hold", HERE, "octagon-pause"),
            Action("move", "Move a deadline", HERE, "calendar-range"),
            Action("hand_over", "Hand over", HERE, "user-round-check"),
            Action("override", "Ask for an override", HERE, "shield-alert"),
            Action(
                "skip",
                "Skip",
                HERE,
                "skip-forward",
                reason=Reason("sealed", "It is sealed; cancel it instead.", None, "The captain, Maya Chen,"),
            ),
            Action("cancel-it", "Cancel", HERE, "ban", "quiet"),
        ],
    )


def steer_form() -> SteerForm:
    """Show the question before a departure is postponed, with everything that it would do."""
    return SteerForm(
        pk=482,
        departure="RT-482 Checkout Express",
        verb="postpone",
        heading="Postpone",
        label="Postpone",
        icon="calendar-clock",
        kind="primary",
        url=HERE,
        back_url=HERE,
        sentences=[
            "It departs Tue 24 Nov, 14:00 instead of Mon 23 Nov, 16:00.",
            "All 14 changes stay aboard; the cut-off moves with it.",
            "Two votes were for this time and expire.",
        ],
        told=["Ana Sousa", "Lee Park", "Tomasz Wójcik"],
    )


def rollout_lines() -> list[RolloutLine]:
    """Show two services of one departure, one after the other."""
    return [
        RolloutLine("ledger", "production", "0be1772", "succeeded", 100, stages(101, "done"), url=HERE),
        RolloutLine(
            "payments",
            "production",
            "f3a91c0",
            "baking",
            25,
            stages(25, "current", 62),
            "6 min 12 s of 10 min",
            HERE,
        ),
    ]
