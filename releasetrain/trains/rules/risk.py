"""Weigh a change by what is said of it: points that add up line by line, and the questions that matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Question(StrEnum):
    """What is asked about a change; the value is the key of its answer."""

    BLAST = "blast"
    USERS = "users"
    UNDO = "undo"
    DATA = "schema"
    OTHERS = "others"
    EVIDENCE = "evidence"
    MINUTES = "minutes"

    @property
    def label(self) -> str:
        return LABELS[self]


class Level(StrEnum):
    """How much a change may do, told by its points."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a question: its word in lists and files, its sentence, and what it weighs."""

    value: str
    label: str
    line: str
    points: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the explanation; negative points make a change lighter."""

    text: str
    points: int


@dataclass(frozen=True, slots=True)
class Risk:
    """What a change weighs, and why."""

    points: int
    lines: tuple[Line, ...]

    @property
    def level(self) -> Level:
        return level_of(self.points)


Q = Question
LABELS = {
    Q.BLAST: "If it goes wrong, what goes wrong with it?",
    Q.USERS: "Who meets it?",
    Q.UNDO: "How is it undone?",
    Q.DATA: "Does it change stored data or a schema?",
    Q.OTHERS: "Do other services have to know?",
    Q.EVIDENCE: "How do you know that it works?",
    Q.MINUTES: "How long does it take, in minutes?",
}
ANSWERS: dict[Question, tuple[Answer, ...]] = {
    Q.BLAST: (
        Answer("part", "One function of the service", "One function could fail", 0),
        Answer("service", "The whole service", "The whole service could fail", 2),
        Answer("several", "Other services as well", "Other services could fail with it", 4),
        Answer("house", "Everything we run", "Everything could fail with it", 6),
    ),
    Q.USERS: (
        Answer("nobody", "Nobody outside the house", "Nobody outside the house meets it", 0),
        Answer("few", "Less than one user in ten", "Less than one user in ten meets it", 1),
        Answer("some", "Up to half of the users", "Up to half of the users meet it", 2),
        Answer("all", "Everybody", "Everybody meets it", 3),
    ),
    Q.UNDO: (
        Answer("version", "By going back to the version before", "The version before undoes it", 0),
        Answer("flag", "By switching its flag off", "Its flag undoes it", 0),
        Answer("steps", "By hand, step by step", "Somebody undoes it by hand", 3),
        Answer("never", "It cannot be undone", "Nothing undoes it", 6),
    ),
    Q.DATA: (
        Answer("none", "No", "Stored data stay as they are", 0),
        Answer("expand", "It adds; the version before still runs", "The schema grows", 1),
        Answer("contract", "It removes or renames", "The version before would not run any more", 5),
    ),
    Q.OTHERS: (
        Answer("none", "No", "No other service has to know", 0),
        Answer("compatible", "Something new is offered to them", "Other services are offered more", 1),
        Answer("breaking", "Something they use works differently", "Other services have to follow", 4),
    ),
    Q.EVIDENCE: (
        Answer("automatic", "Automatic tests run on this version", "Automatic tests ran on it", 0),
        Answer("manual", "Somebody tried it out", "Somebody tried it out", 1),
        Answer("none", "Nobody has tested it", "Nobody has tested it", 4),
    ),
}
# What nobody has said weighs as much as an answer in the middle.
UNSAID = {Q.BLAST: 2, Q.USERS: 1, Q.UNDO: 1, Q.DATA: 1, Q.OTHERS: 0, Q.EVIDENCE: 1}
UNSAID_POINTS = sum(UNSAID.values())
LOW_UP_TO, MEDIUM_UP_TO = 4, 9
FLAG_POINTS = -2
MOST_POINTS = 32
WITHIN_AN_HOUR = 60
LONG_POINTS = 2
MOST_MINUTES = 7 * 24 * 60


def level_of(points: int) -> Level:
    """Return the level that points amount to."""
    if points <= LOW_UP_TO:
        return Level.LOW
    return Level.MEDIUM if points <= MEDIUM_UP_TO else Level.HIGH


def answer_of(question: Question, value: object) -> Answer | None:
    """Return the answer that a value stands for, None where it stands for none."""
    return next((one for one in ANSWERS.get(question, ()) if one.value == value), None)


def minutes_of(answers: Mapping[str, object]) -> int | None:
    """Return how long a change says that it takes, in minutes."""
    said = answers.get(Q.MINUTES.value)
    return said if type(said) is int and 0 < said <= MOST_MINUTES else None


def weigh(answers: Mapping[str, object], *, has_flag: bool) -> Risk:
    """Add up what a change weighs.

    :param answers: {question: answer}; one that is missing or unknown counts as not said
    :param has_flag: a flag switches it off without a new version; that makes it lighter
    """
    lines = [_line(question, answers) for question in ANSWERS]
    if (minutes_of(answers) or 0) > WITHIN_AN_HOUR:
        lines.append(Line(f"It takes {minutes_of(answers)} minutes", LONG_POINTS))
    before = sum(line.points for line in lines)
    if has_flag and before:
        lines.append(Line("A flag switches it off", max(FLAG_POINTS, -before)))
    return Risk(sum(line.points for line in lines), tuple(lines))


def _line(question: Question, answers: Mapping[str, object]) -> Line:
    said = answer_of(question, answers.get(question.value))
    if said is None:
        return Line(f"Not said: {question.label}", UNSAID[question])
    return Line(said.line, said.points)


def questions_that_matter(answers: Mapping[str, object], *, has_flag: bool) -> tuple[Question, ...]:
    """Return what has to be asked, given what is answered; everything else changes nothing.

    What nobody outside the house meets, one function of a service, does not concern other services. How it
    is proven is asked once it could hurt somebody.
    """
    asked = [Q.BLAST, Q.USERS, Q.UNDO, Q.DATA]
    is_small = answers.get(Q.BLAST.value) == "part" and answers.get(Q.USERS.value) == "nobody"
    if not is_small:
        asked.append(Q.OTHERS)
    if not (is_small and has_flag):
        asked.append(Q.EVIDENCE)
    if answers.get(Q.DATA.value) in ("expand", "contract") or answers.get(Q.UNDO.value) in ("steps", "never"):
        asked.append(Q.MINUTES)
    return tuple(asked)


def cleaned(answers: Mapping[str, object], *, has_flag: bool) -> dict[str, object]:
    """Return the answers that can be kept: to questions that matter, with values that are known.

    Those that do not matter are answered by what made them not matter.
    """
    matter = questions_that_matter(answers, has_flag=has_flag)
    kept: dict[str, object] = {}
    for question in ANSWERS:
        if question in matter:
            said = answer_of(question, answers.get(question.value))
            if said is not None:
                kept[question.value] = said.value
        else:
            kept[question.value] = ANSWERS[question][0].value
    if Q.MINUTES in matter and (minutes := minutes_of(answers)) is not None:
        kept[Q.MINUTES.value] = minutes
    return kept


def needs_a_plan(answers: Mapping[str, object]) -> bool:
    """Tell whether going back takes more than the version before, so that it has to be written down."""
    return answers.get(Q.UNDO.value) in ("steps", "never") or answers.get(Q.DATA.value) == "contract"
