"""Series are picked from a page by names and labels, and by nothing that could take for ever."""

import pytest

from releasetrain.health.rules.selectors import BadSelector, read_selector


@pytest.mark.parametrize(
    ("text", "labels", "is_picked"),
    [
        ("requests_total", {"code": "200"}, True),
        ('requests_total{code="200"}', {"code": "200"}, True),
        ('requests_total{code="200"}', {"code": "500"}, False),
        ('requests_total{code=~"5.."}', {"code": "503"}, True),
        ('requests_total{code=~"5.."}', {"code": "5033"}, False),
        ('requests_total{code!~"5..|429"}', {"code": "429"}, False),
        ('requests_total{ code != "200" , app=~"sh.*", }', {"code": "500", "app": "shop"}, True),
        ('requests_total{missing=""}', {"code": "200"}, True),
        ('requests_total{path="/a{b},c"}', {"path": "/a{b},c"}, True),
        ('requests_total{said="a \\"b\\" \\\\"}', {"said": 'a "b" \\'}, True),
        ("other_total", {}, False),
    ],
)
def test_a_selector_picks_by_name_and_labels(text: str, labels: dict[str, str], *, is_picked: bool) -> None:
    assert read_selector(text).picks("requests_total", labels) is is_picked


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "name of a metric"),
        ("sum(requests_total)", "no functions or sums"),
        ("a + b", "no functions or sums"),
        ("requests_total[5m]", "no functions or sums"),
        ('requests_total{code="200"', "no functions or sums"),
        ("requests_total{code=200}", "no label with its value"),
        ('requests_total{code="200" app="x"}', "commas"),
        ('requests_total{path=~"(a+)+b"}', "too intricate"),
        ('requests_total{path=~"[a-z]*x"}', "too intricate"),
        ('requests_total{path=~"a+"}', "too intricate"),
        ('requests_total{path=~".*.*.*.*x"}', "too intricate"),
        ('requests_total{path=~"' + "x" * 201 + '"}', "too intricate"),
        ("requests_total{" + ",".join(f'a{n}="x"' for n in range(21)) + "}", "at most 20"),
    ],
)
def test_what_is_no_selector_is_said(text: str, words: str) -> None:
    with pytest.raises(BadSelector, match=words):
        read_selector(text)
