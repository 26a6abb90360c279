"""A service that nobody could watch does not depart (ENGINE T2, “observability first”)."""

from datetime import timedelta

import pytest

from releasetrain.health.models import Reading
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.decision import reasons_of, standing_of
from releasetrain.trains.queries.sight import unseen
from tests import make

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def about_to_leave() -> Departure:
    """Make a sealed departure with one service aboard, due now."""
    made = make.departure(
        state="cleared", sealed_at=make.NOW, cut_off_at=make.NOW - MINUTE, departs_at=make.NOW
    )
    make.change(departure=made, state="aboard", service=make.service())
    return made


def why(departure: Departure) -> list[str]:
    return [one.text for one in reasons_of(standing_of(departure, make.NOW).verdict, "no_data")]


def test_t2_without_the_data_that_its_guardrails_require_it_does_not_leave() -> None:
    departure, target = about_to_leave(), make.target()
    make.guardrail(target, "errors")
    make.guardrail(target, "latency")
    make.readings(target, make.NOW - MINUTE)
    (text,) = why(departure)
    assert text.startswith("Nothing reports “latency” of Storefront, which its guardrails require.")
    target.guardrails.filter(metric="latency").update(is_required=False)
    assert unseen({(target.service_id, target.environment_id)}, make.NOW) == {}


def test_t2_old_readings_and_those_of_the_new_version_alone_are_none() -> None:
    departure, target = about_to_leave(), make.target()
    make.guardrail(target, "errors")
    make.readings(target, make.NOW - 6 * MINUTE)
    assert why(departure)
    make.readings(target, make.NOW)
    Reading.objects.filter(arm="baseline", ends_at=make.NOW).delete()
    assert unseen({(target.service_id, target.environment_id)}, make.NOW)


def test_t2_a_service_that_reports_leaves_and_so_does_one_without_guardrails() -> None:
    departure, target = about_to_leave(), make.target()
    assert why(departure) == []
    make.guardrail(target, "errors")
    make.readings(target, make.NOW)
    assert unseen({(target.service_id, target.environment_id)}, make.NOW) == {}


def test_long_before_it_leaves_nobody_asks() -> None:
    departure, target = about_to_leave(), make.target()
    make.guardrail(target, "errors")
    Departure.objects.update(departs_at=make.NOW + 16 * MINUTE)
    departure.refresh_from_db()
    assert why(departure) == []
