"""A Prometheus is brought only for the tests that ask one, and only where that is ours to do."""

import pytest

from releasetrain.bootstrap import prometheus
from releasetrain.bootstrap.prometheus import bring_prometheus, wants_prometheus


@pytest.mark.parametrize(
    ("arguments", "wants"),
    [
        ([], True),
        (["-q"], True),
        (["tests"], True),
        (["./tests/health/", "-q"], True),
        (["tests/trains"], False),
        (["tests/health/test_queries.py"], False),
    ],
)
def test_only_tests_of_metric_sources_want_one(arguments: list[str], *, wants: bool) -> None:
    assert wants_prometheus(arguments) is wants


def test_without_the_right_to_install_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "by_apt", lambda package: [])
    assert bring_prometheus({"PATH": "/nowhere"}) is None
