from datetime import timedelta

import pytest

from releasetrain import panels
from releasetrain.catalog.models import Target
from releasetrain.health.models import ErrorLine
from releasetrain.health.rules.lines import head_of
from releasetrain.panels.audience import Audience
from releasetrain.panels.errors import load_errors
from releasetrain.panels.shapes import Errors
from releasetrain.rollouts.models import Rollout
from tests import make

pytestmark = pytest.mark.django_db

MEMBER, STAKEHOLDER = Audience.MEMBER, Audience.STAKEHOLDER


@pytest.fixture
def rollout() -> Rollout:
    target = make.target(driver="simulated", driver_config={})
    return make.rollout(on=target, state="baking", stage_index=1, desired_weight=5)


def line(on: Target, arm: str, sample: str, count: int, *, seconds: int = 0, severity: int = 20) -> None:
    at = make.NOW + timedelta(seconds=seconds)
    kept = ErrorLine.objects.create(
        target=on, arm=arm, fingerprint=sample, sample=sample, severity=severity, count=count,
        first_at=at, last_at=at,
    )  # fmt: skip
    kept.counts.create(minute_at=at.replace(second=0, microsecond=0), count=count)


def errors_of(rollout: Rollout) -> Errors:
    found = load_errors(rollout.pk, MEMBER, make.NOW)
    assert found is not None
    return found


def test_lines_new_in_the_candidate_come_first_then_risen_ones(rollout: Rollout) -> None:
    make.readings(rollout.target, make.NOW + timedelta(seconds=10), units=9_500, candidate=500)
    line(rollout.target, "candidate", "old", 40)
    line(rollout.target, "baseline", "old", 30)
    line(rollout.target, "candidate", "new", 3, seconds=65)
    line(rollout.target, "baseline", "usual", 9)
    line(rollout.target, "baseline", "long ago", 9, seconds=-3600)
    errors = errors_of(rollout)
    assert [(kind.head, kind.standing, kind.candidate, kind.baseline) for kind in errors.kinds] == [
        ("new", "new", 3, 0),
        ("old", "risen", 40, 30),
        ("usual", "known", 0, 9),
    ]
    assert errors.kinds[0].first_at == make.NOW + timedelta(seconds=65)
    assert errors.kinds[1].note == "×25.3 as often per request as on the old version."
    assert errors.summary == "1 new in the candidate, 1 risen, 1 in both or in the baseline"
    assert errors.notes == []


def test_what_a_candidate_before_this_one_brought_is_not_counted_again(rollout: Rollout) -> None:
    line(rollout.target, "candidate", "KeyError", 500, seconds=-7200)
    ErrorLine.objects.get().counts.create(minute_at=make.NOW, count=2)
    ErrorLine.objects.update(last_at=make.NOW, count=502)
    (kind,) = errors_of(rollout).kinds
    assert (kind.candidate, kind.note) == (2, "An earlier new version had it, too.")


def test_what_cannot_be_told_is_said(rollout: Rollout) -> None:
    line(rollout.target, "candidate", "KeyError", 2)
    baseline, requests = errors_of(rollout).notes
    assert baseline.startswith("The old version has not told of any error line in 14 days")
    assert requests.startswith("Requests are not known for both versions")


def test_kinds_that_are_not_shown_are_counted(rollout: Rollout) -> None:
    for number in range(23):
        line(rollout.target, "candidate", f"kind {number}", 1)
    errors = errors_of(rollout)
    assert len(errors.kinds) == 20
    assert errors.summary == "20 new in the candidate; 3 more kinds are not shown"


@pytest.mark.parametrize(
    ("sample", "head"),
    [
        ("KeyError: 'tax'\n  at x", "KeyError: 'tax'"),
        ("Traceback (most recent call last):\n  File 'x'\nKeyError: 'tax'\n", "KeyError: 'tax'"),
        ("x" * 400, "x" * 159 + "…"),
        ("", ""),
    ],
)
def test_the_head_of_a_sample_is_the_line_that_says_most(sample: str, head: str) -> None:
    assert head_of(sample) == head


def test_samples_are_escaped_shown_whole_and_kept_from_the_public(rollout: Rollout) -> None:
    line(rollout.target, "candidate", "<script>alert(1)</script>\nmore of it", 1, severity=30)
    drawn = panels.render("rollout/errors", rollout.pk, MEMBER, make.NOW)
    assert "<script>" not in drawn
    assert "more of it" in drawn
    assert "Critical" in drawn and "First seen" in drawn
    assert panels.render("rollout/errors", rollout.pk, STAKEHOLDER, make.NOW) == ""


def test_an_empty_panel_says_how_lines_come_in(rollout: Rollout) -> None:
    drawn = panels.render("rollout/errors", rollout.pk, MEMBER, make.NOW)
    assert "No error line so far" in drawn
    assert "/help/#error-lines" in drawn
