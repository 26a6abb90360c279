"""Green has to last: in every sample, without a gap, for all checks at once (RULES D12)."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.readiness import (
    FRESH,
    Asks,
    CheckKind,
    CheckState,
    Result,
    Sample,
    changed_words,
    follow,
    is_spent,
    why_not_asks,
    why_not_ready,
    worst,
)
from tests.make import NOW

S = CheckState
EVERY = timedelta(seconds=15)
ASKS = Asks((CheckKind.CI, CheckKind.METRICS), minimum=timedelta(minutes=5))


def results(ci: CheckState = S.GREEN, metrics: CheckState = S.GREEN, *, waived: str = "") -> list[Result]:
    return [
        Result("ci", "CI", ci, f"CI is {ci}.", "Ada", waived=waived),
        Result("metrics", "Metrics", metrics),
    ]


def run(states: list[list[Result]], every: timedelta = EVERY) -> Sample:
    """Follow samples, each so long after the one before; the last one is at NOW."""
    sample = None
    for number, one in enumerate(states):
        sample = follow(sample, one, NOW - (len(states) - 1 - number) * every)
    assert sample is not None
    return sample


def codes(sample: Sample | None, asks: Asks = ASKS, later: timedelta = timedelta(0)) -> list[str]:
    return [one.code for one in why_not_ready(asks, sample, zone="UTC", now=NOW + later)]


def test_d12_green_counts_once_it_has_lasted_the_minimum_in_every_sample() -> None:
    assert codes(run([results()] * 20)) == ["unready_wait"]
    assert codes(run([results()] * 21)) == []


def test_d12_a_flap_starts_the_time_anew() -> None:
    flapped = [results()] * 40 + [results(S.RED)] + [results()] * 20
    (why,) = why_not_ready(ASKS, run(flapped), zone="UTC", now=NOW)
    assert why.code == "unready_wait"
    assert why.until == NOW + EVERY
    assert "Every check is green; that has to last 5 min, until Mon 23 Nov 2026 12:00 UTC." in why.text


def test_d12_checks_that_are_green_in_turns_are_never_green_together() -> None:
    turns = [results(S.GREEN, S.RED), results(S.RED, S.GREEN)] * 50
    assert codes(run(turns)) == ["unready_ci"]


@pytest.mark.parametrize("state", [S.NO_DATA, S.WAITING, S.RED])
def test_d12_no_data_is_not_green(state: CheckState) -> None:
    (why,) = why_not_ready(ASKS, run([results(state)] * 100), zone="UTC", now=NOW)
    assert (why.code, why.text, why.who) == ("unready_ci", f"CI is {state}.", "Ada")


def test_d12_what_was_never_looked_at_or_not_lately_is_not_green() -> None:
    assert codes(None) == ["unready"]
    long_green = run([results()] * 100)
    assert codes(long_green, later=FRESH) == []
    assert codes(long_green, later=FRESH + EVERY) == ["unready"]


def test_d12_a_gap_between_samples_starts_the_time_anew() -> None:
    before = follow(run([results()] * 100), results(), NOW + FRESH)
    assert before.since == NOW - 99 * EVERY
    assert follow(before, results(), NOW + 2 * FRESH + EVERY).since == NOW + 2 * FRESH + EVERY


def test_d12_another_set_of_checks_starts_anew_and_a_check_that_was_not_looked_at_is_not_green() -> None:
    long_green = run([results()] * 100)
    more = Asks((*ASKS.kinds, CheckKind.INCIDENTS), minimum=ASKS.minimum)
    assert codes(long_green, more) == ["unready"]
    with_it = [*results(), Result("incidents", "Incidents", S.GREEN)]
    assert follow(long_green, with_it, NOW + EVERY).since == NOW + EVERY


def test_a_waived_check_counts_as_green_and_says_so() -> None:
    sample = run([results(S.RED, waived="Rob: CI is down")] * 100)
    assert codes(sample) == []
    assert sample.states() == {"ci": "waived", "metrics": "green"}


def test_who_asks_for_nothing_is_ready() -> None:
    assert codes(None, Asks()) == []
    assert Asks.from_json({}) == Asks()
    assert Asks().to_json() == {}


@given(st.lists(st.tuples(st.sampled_from(list(S)), st.sampled_from(list(S))), min_size=1, max_size=60))
def test_d12_ready_means_that_every_sample_of_the_last_minimum_was_green(
    history: list[tuple[CheckState, CheckState]],
) -> None:
    asks = Asks(ASKS.kinds, minimum=4 * EVERY)
    ready = codes(run([results(*one) for one in history]), asks) == []
    last = history[-5:]
    assert ready == (len(last) == 5 and all(state is S.GREEN for one in last for state in one))


def test_a_sample_and_what_is_asked_for_are_kept_and_read_again() -> None:
    sample = run([results(S.GREEN), results(S.RED, waived="Rob: x")])
    assert Sample.from_json(sample.to_json()) == sample
    assert Sample.from_json({}) is None
    asks = Asks((CheckKind.CI,), ("Told support",), timedelta(minutes=7), 99.5)
    assert Asks.from_json(asks.to_json()) == asks
    assert Asks.from_json({"kinds": ["ci", "from a later version"]}).kinds == (CheckKind.CI,)


def test_what_has_changed_is_said_once() -> None:
    first, second = run([results(S.NO_DATA)]), run([results()])
    assert changed_words(None, first) == "“CI” is without data and “Metrics” is green"
    assert changed_words(first, second) == "every check is green"
    assert changed_words(second, second) == ""
    assert changed_words(second, run([results(S.RED)])) == "“CI” is red"


def test_many_checks_that_change_at_once_are_counted() -> None:
    several = [Result(f"manual:{number}", str(number), S.GREEN if number else S.RED) for number in range(5)]
    assert changed_words(None, Sample(NOW, tuple(several))) == "4 of 5 checks are green"


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        (Asks(manual=("a", "a")), "the same"),
        (Asks(manual=("a" * 101,)), "100 characters"),
        (Asks(manual=tuple(map(str, range(21)))), "at most 20"),
        (Asks(minimum=timedelta(days=2)), "1 d at most"),
        (Asks(objective=100), "no budget"),
    ],
)
def test_what_nobody_can_ask_for_is_refused_in_a_sentence(asks: Asks, why: str) -> None:
    assert why in (why_not_asks(asks) or "")


def test_a_budget_is_spent_beyond_what_the_objective_allows() -> None:
    assert not is_spent(bad=1, units=1000, objective=99.9)
    assert is_spent(bad=2, units=1000, objective=99.9)


def test_the_worst_of_several_counts_and_nothing_is_no_data() -> None:
    assert worst([]) is S.NO_DATA
    assert worst([S.GREEN, S.WAITING]) is S.WAITING
    assert worst([S.NO_DATA, S.WAITING, S.RED]) is S.RED
