from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.flags.rules.operators import OPERATORS
from releasetrain.flags.rules.writing import SIGNS, BadLine, line_of, lines_of, read_line, read_lines
from tests.flags.flagd.invented import Inventor


def test_every_operator_has_a_sign() -> None:
    assert sorted(SIGNS.values()) == sorted(OPERATORS)


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("country in NL, BE", {"attribute": "country", "operator": "in", "values": ["NL", "BE"]}),
        ("not segment staff", {"not": {"segment": "staff"}}),
        ("app version >= 2.4.0", {"attribute": "app", "operator": "version_at_least", "values": ["2.4.0"]}),
        ("age >= 18", {"attribute": "age", "operator": "at_least", "values": [18]}),
        ('plan in "7", 7, true', {"attribute": "plan", "operator": "in", "values": ["7", 7, True]}),
        (
            "email ends with @example.org",
            {"attribute": "email", "operator": "ends_with", "values": ["@example.org"]},
        ),
        ("user.plan exists", {"attribute": "user.plan", "operator": "exists"}),
        (
            'plan in pro or city in "New, or York"',
            {
                "any": [
                    {"attribute": "plan", "operator": "in", "values": ["pro"]},
                    {"attribute": "city", "operator": "in", "values": ["New, or York"]},
                ]
            },
        ),
        ("ip in network 10.0.0.0/8", {"attribute": "ip", "operator": "in_network", "values": ["10.0.0.0/8"]}),
        ('{"all": [{"segment": "a"}]}', {"all": [{"segment": "a"}]}),
    ],
)
def test_a_line_is_read_and_written(line: str, shape: Any) -> None:
    assert read_line(line) == shape
    assert line_of(shape) == line


@pytest.mark.parametrize("seed", range(300))
def test_what_is_written_is_read_as_what_it_was(seed: int) -> None:
    inventor = Inventor(seed)
    conditions = [inventor.condition(["segment-1"]) for _ in range(5)]
    assert read_lines(lines_of(conditions)) == conditions


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=4))
def test_any_text_can_be_compared_with(values: list[str]) -> None:
    shape = {"attribute": "one", "operator": "in", "values": values}
    assert read_lines(lines_of([shape])) == [shape]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("country", "compares with nothing"),
        ("country like NL", "compares with nothing"),
        ("country in", "at least one value"),
        ("age < old", "must be a number"),
        ('city in "New York', "is no value"),
        ("a b in x", "no attribute's name"),
        ("{nonsense", "begins like JSON"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, sentence: str) -> None:
    with pytest.raises(BadLine, match="Line 2: ") as refused:
        read_lines(f"segment staff\n{line}")
    assert sentence in str(refused.value)
    assert refused.value.number == 2
