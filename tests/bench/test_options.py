import pytest

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.options import Options, checked


def test_nothing_asked_means_the_standard_sizes() -> None:
    assert checked() == Options(seconds=8.0, watchers=(1000, 5000), rollbacks=50, rate=200, scale=1.0)


def test_sizes_are_read_from_the_command_line() -> None:
    assert checked(seconds=2, watchers="10,200", rollbacks=3, rate=20) == Options(2, (10, 200), 3, 20)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"seconds": 0.0}, "--seconds 0 cannot be used: choose a number from 0.2 to 60."),
        ({"seconds": float("nan")}, "--seconds nan cannot be used"),
        ({"watchers": "many"}, "--watchers “many” cannot be read: write numbers such as 1000,5000."),
        ({"watchers": "0"}, "--watchers 0 cannot be used: choose a number from 1 to 100,000."),
        ({"rollbacks": 0}, "--rollbacks 0 cannot be used"),
        ({"scale": 0.0}, "--scale 0 cannot be used: choose a number from 0.001 to 1."),
        ({"scale": 2}, "--scale 2 cannot be used"),
        ({"rate": 100_000}, "--rate 100000 cannot be used: choose a number from 1 to 2,000."),
    ],
)
def test_what_would_measure_nothing_is_refused_in_a_sentence(wrong: dict[str, float], sentence: str) -> None:
    with pytest.raises(CannotMeasure) as refusal:
        checked(**wrong)  # type: ignore[arg-type]
    assert str(refusal.value).startswith(sentence)
