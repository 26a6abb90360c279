"""A chart's first paint has the geometry that the script goes on with."""

import json

import pytest

from releasetrain.panels.shapes import Chart, Point
from releasetrain.web.templatetags import charts


def chart(points: list[Point], **values: object) -> Chart:
    return Chart("errors", "Error rate", "%", points, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("top", "ceiling"), [(0, 1), (0.43, 0.5), (0.5, 0.5), (2.1, 2.5), (3, 4), (31, 40), (99, 100)]
)
def test_the_axis_ends_at_a_round_number_above_everything(top: float, ceiling: float) -> None:
    assert charts.nice_ceiling(top) == pytest.approx(ceiling)


def test_the_newest_point_stands_at_the_right_and_nothing_is_outside() -> None:
    drawn = charts.geometry(chart([(1000, 0.2, 0.2), (1300, 0.4, 0.1), (1600, 0.6, 0.3)]))
    assert drawn["candidate_path"] == "M0 80.0L500 60.0L1000 40.0"
    assert drawn["y_axis"] == ["1", "0.5", "0"]


def test_a_missing_value_leaves_a_gap() -> None:
    drawn = charts.geometry(chart([(0, 1.0, None), (300, None, 2.0), (600, 1.0, 2.0)]))
    assert drawn["candidate_path"].count("M") == 2
    assert drawn["baseline_path"].count("M") == 1


def test_points_before_the_window_are_left_out() -> None:
    drawn = charts.geometry(chart([(0, 9.0, 9.0), (5000, 1.0, 1.0)]))
    assert json.loads(drawn["data"]) == [[5000, 1.0, 1.0]]


def test_the_threshold_is_drawn_at_its_height_and_always_in_sight() -> None:
    drawn = charts.geometry(chart([(0, 0.1, 0.1)], threshold=0.4))
    assert drawn["threshold_y"] == "20.00"
    assert drawn["limit"] == "0.40 %"


def test_the_first_paint_stays_small_and_keeps_the_newest_point() -> None:
    points: list[Point] = [(second, second / 600, 0.5) for second in range(600)]
    thinned = charts.thin(points)
    assert len(thinned) <= charts.DRAWN
    assert thinned[-1] == points[-1]


def test_a_chart_without_points_says_so_and_draws_no_line() -> None:
    drawn = charts.geometry(chart([]))
    assert (drawn["candidate"], drawn["candidate_path"], drawn["data"]) == ("–", "", "[]")
