"""Show the readiness of a departure with every state that a check can have."""

from datetime import datetime, timedelta

from releasetrain.panels.shapes import BlockerLine, CheckLine, Readiness

HERE = "#"


def readiness(now: datetime) -> Readiness:
    """Show checks in every state, something that blocks and something that is watched."""
    return Readiness(
        pk=481,
        state="not_ready",
        checks=[
            CheckLine(
                "CI is green for every version",
                "red",
                "“end to end” is red for payments 4f2a91c.",
                "Payments",
            ),
            CheckLine("No window is in the way", "green"),
            CheckLine("Every service reports", "no_data", "Nothing was reported within 5 minutes: ledger."),
            CheckLine(
                "The error budget is not spent", "waived", waived="Maya Chen: counted twice since Monday"
            ),
            CheckLine("Support knows what changes", "green", "Ticked by Jon Park."),
        ],
        blockers=[
            BlockerLine(
                7,
                "Refunds are rounded down",
                "blocks",
                "Blocked by “Refunds are rounded down” (defect, owned by Ana Sousa).",
                "Ana Sousa or the captain Maya Chen",
                "Jon Park",
                now - timedelta(hours=3),
                HERE,
            ),
            BlockerLine(
                8, "Error rate of payments", "watching", "Errors of payments: 0.2 % over 5 min.", url=HERE
            ),
        ],
        minimum="5 min",
        sampled_at=now,
        url=HERE,
    )
