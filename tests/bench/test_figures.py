import json

import pytest

from releasetrain.bench.figures import Aim, Column, Result, Row, percentile, result_from_json, spread


def test_percentile_is_the_smallest_value_that_the_share_does_not_exceed() -> None:
    values = [float(value) for value in range(1, 101)]
    assert percentile(values, 0.5) == 50
    assert percentile(values, 0.99) == 99
    assert percentile(values, 1) == 100
    assert percentile(values, 0) == 1


def test_percentile_of_few_values_is_one_of_them() -> None:
    assert percentile([3.0], 0.99) == 3
    assert percentile([1.0, 2.0], 0.99) == 2
    assert percentile([2.0, 1.0, 3.0], 0.5) == 2


def test_percentile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_percentile_refuses_what_is_no_share() -> None:
    with pytest.raises(ValueError, match="99"):
        percentile([1.0], 99)


def test_spread_scales_and_tells_nothing_from_zero() -> None:
    assert spread([0.001, 0.003], scale=1000) == {"p50": 1, "p99": 3, "max": 3}
    assert spread([]) == {"p50": None, "p99": None, "max": None}


def test_aim_is_met_at_its_limit_and_unknown_without_a_figure() -> None:
    assert Aim("p99", "ms", 40, 40).is_met is True
    assert Aim("p99", "ms", 40, 40.1).is_met is False
    assert Aim("rate", "/s", 1000, 999, is_floor=True).is_met is False
    assert Aim("p99", "ms", 40, None).is_met is None


def test_result_survives_json_and_says_there_whether_aims_were_met() -> None:
    result = Result(
        name="live",
        title="who got what",
        columns=[Column("p99", "p99 ms", 1)],
        rows=[Row("hub", {"p99": 12.5}), Row("plain", {"p99": None}, is_yardstick=True)],
        aims=[Aim("p99", "ms", 40, 12.5)],
        notes=["One core."],
    )
    plain = json.loads(json.dumps(result.as_json()))
    assert plain["rows"] == [
        {"what": "hub", "figures": {"p99": 12.5}, "is_yardstick": False},
        {"what": "plain", "figures": {"p99": None}, "is_yardstick": True},
    ]
    assert plain["aims"][0]["is_met"] is True
    assert result_from_json(plain) == result
