"""One question, one answer, every reason."""

from datetime import UTC, datetime

from releasetrain.lib.verdict import ALLOWED, Decision, combine, deny, hold

MONDAY = datetime(2026, 11, 23, 6, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 24, 6, tzinfo=UTC)


def test_w5_the_worst_decision_wins_and_every_reason_is_kept() -> None:
    verdict = combine(ALLOWED, hold("soft", "Wait.", until=TUESDAY), deny("hard", "No.", until=MONDAY))
    assert verdict.decision is Decision.DENY
    assert [reason.code for reason in verdict.reasons] == ["soft", "hard"]
    assert verdict.until == TUESDAY


def test_an_end_that_nobody_knows_is_not_promised() -> None:
    assert combine(hold("soft", "Wait.", until=MONDAY), hold("vote", "Vote.")).until is None


def test_nothing_against_it_allows() -> None:
    assert combine().is_allowed
