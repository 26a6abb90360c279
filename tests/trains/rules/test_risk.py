"""What a change weighs is the sum of lines that anybody can read, and only what matters is asked."""

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.risk import (
    ANSWERS,
    LABELS,
    LONG_POINTS,
    MOST_POINTS,
    UNSAID,
    UNSAID_POINTS,
    Level,
    Question,
    cleaned,
    level_of,
    needs_a_plan,
    questions_that_matter,
    weigh,
)

Q = Question
HARMLESS = {
    "blast": "part",
    "users": "nobody",
    "undo": "version",
    "schema": "none",
    "others": "none",
    "evidence": "automatic",
}
WORST = {
    "blast": "house",
    "users": "all",
    "undo": "never",
    "schema": "contract",
    "others": "breaking",
    "evidence": "none",
    "minutes": 61,
}
nonsense = st.one_of(st.none(), st.text(max_size=5), st.integers(), st.lists(st.integers(), max_size=2))
answers = st.dictionaries(
    st.sampled_from([one.value for one in Question] + ["what"]),
    st.one_of(
        nonsense, st.sampled_from([answer.value for options in ANSWERS.values() for answer in options])
    ),
)


def test_harmless_answers_weigh_nothing_and_the_worst_weigh_most() -> None:
    assert weigh(HARMLESS, has_flag=False).points == 0
    assert weigh(WORST, has_flag=False).points == sum(max(a.points for a in ANSWERS[q]) for q in ANSWERS) + 2
    assert weigh(WORST, has_flag=False).points <= MOST_POINTS


def test_a_change_of_which_nobody_has_said_anything_is_not_low_in_risk() -> None:
    risk = weigh({}, has_flag=False)
    assert risk.points == UNSAID_POINTS == sum(UNSAID.values())
    assert risk.level is Level.MEDIUM
    assert all(line.text.startswith("Not said: ") for line in risk.lines)


def test_a_flag_makes_it_lighter_but_never_less_than_nothing() -> None:
    assert weigh({**HARMLESS, "users": "few"}, has_flag=True).points == 0
    assert weigh(WORST, has_flag=True).points == weigh(WORST, has_flag=False).points - 2


def test_sixty_minutes_are_within_the_hour_and_one_more_is_long() -> None:
    hour, longer = ({**HARMLESS, "minutes": minutes} for minutes in (60, 61))
    assert weigh(longer, has_flag=False).points - weigh(hour, has_flag=False).points == LONG_POINTS


def test_levels_are_half_open_steps() -> None:
    assert [level_of(points) for points in (0, 4, 5, 9, 10)] == ["low", "low", "medium", "medium", "high"]


@given(answers, st.booleans())
def test_whatever_is_answered_the_lines_add_up_and_stay_in_bounds(
    said: dict[str, object], flag: bool
) -> None:
    risk = weigh(said, has_flag=flag)
    assert risk.points == sum(line.points for line in risk.lines)
    assert 0 <= risk.points <= MOST_POINTS
    assert len(risk.lines) >= len(ANSWERS)


@given(answers, st.booleans())
def test_what_is_kept_is_known_and_keeping_it_twice_changes_nothing(
    said: dict[str, object], flag: bool
) -> None:
    kept = cleaned(said, has_flag=flag)
    assert cleaned(kept, has_flag=flag) == kept
    for question, value in kept.items():
        assert question == "minutes" or value in {answer.value for answer in ANSWERS[Q(question)]}


def test_only_what_matters_is_asked() -> None:
    small = questions_that_matter({"blast": "part", "users": "nobody"}, has_flag=True)
    assert small == (Q.BLAST, Q.USERS, Q.UNDO, Q.DATA)
    large = questions_that_matter({"blast": "several", "schema": "expand"}, has_flag=True)
    assert large == (Q.BLAST, Q.USERS, Q.UNDO, Q.DATA, Q.OTHERS, Q.EVIDENCE, Q.MINUTES)
    assert set(LABELS) == set(Question)


def test_a_plan_is_asked_for_where_the_version_before_does_not_undo_it() -> None:
    assert not needs_a_plan(HARMLESS)
    for said in ({"undo": "steps"}, {"undo": "never"}, {"schema": "contract"}):
        assert needs_a_plan({**HARMLESS, **said})
