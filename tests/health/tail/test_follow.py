import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.health.tail import follow
from releasetrain.health.tail.follow import Follower, Place

Follow = Callable[..., Follower]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


@pytest.fixture
def followed() -> Iterator[Follow]:
    """Follow files until the test ends."""
    made: list[Follower] = []

    def make(log: Path, *, from_start: bool = False, resume: Place | None = None) -> Follower:
        made.append(Follower(log, from_start=from_start, resume=resume))
        return made[-1]

    yield make
    for one in made:
        one.close()


def add(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def everything(follower: Follower) -> list[str]:
    lines: list[str] = []
    quiet = 0
    while quiet < 3:
        read = follower.read()
        quiet = 0 if read else quiet + 1
        lines += read
    return lines


def test_only_what_is_added_is_read_and_only_whole_lines(log: Path, followed: Follow) -> None:
    add(log, "old\n")
    follower = followed(log)
    assert follower.read() == []
    add(log, "one\ntw")
    assert follower.read() == ["one"]
    add(log, "o\r\n")
    assert follower.read() == ["two"]


def test_what_is_there_is_read_where_asked(log: Path, followed: Follow) -> None:
    add(log, "old\n")
    assert everything(followed(log, from_start=True)) == ["old"]


def test_a_file_that_appears_later_is_read_from_its_beginning(log: Path, followed: Follow) -> None:
    follower = followed(log)
    assert follower.read() == []
    add(log, "first\n")
    assert everything(follower) == ["first"]


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log: Path, followed: Follow) -> None:
    add(log, "")
    follower = followed(log)
    add(log, "one\n")
    log.rename(log.with_suffix(".1"))
    add(log.with_suffix(".1"), "two\nunfinished")
    add(log, "three\n")
    assert everything(follower) == ["one", "two", "unfinished", "three"]


def test_a_writer_that_still_has_the_renamed_file_loses_nothing(log: Path, followed: Follow) -> None:
    add(log, "")
    follower = followed(log)
    old = log.with_suffix(".1")
    log.rename(old)
    log.touch()
    assert everything(follower) == []
    add(old, "from before the signal\n")
    assert everything(follower) == ["from before the signal"]
    add(log, "from after it\n")
    assert everything(follower) == ["from after it"]


def test_a_file_that_is_gone_for_a_while_is_waited_for(log: Path, followed: Follow) -> None:
    add(log, "one\n")
    follower = followed(log, from_start=True)
    assert everything(follower) == ["one"]
    log.unlink()
    assert everything(follower) == []
    add(log, "two\n")
    assert everything(follower) == ["two"]


@pytest.mark.parametrize("text", ["x\n", "a text that is longer than the old one was\n"])
def test_a_truncated_file_is_read_from_its_beginning(log: Path, followed: Follow, text: str) -> None:
    add(log, "an old line\n")
    follower = followed(log, from_start=True)
    assert everything(follower) == ["an old line"]
    os.truncate(log, 0)
    add(log, text)
    assert everything(follower) == [text.strip()]


def test_a_line_without_end_is_cut_and_the_next_one_is_whole(
    log: Path, followed: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "LONGEST_LINE", 10)
    monkeypatch.setattr(follow, "CHUNK", 7)
    add(log, "x" * 50 + "\nnext\n")
    assert everything(followed(log, from_start=True)) == ["x" * 10, "next"]


def test_bytes_that_are_no_text_are_read_all_the_same(log: Path, followed: Follow) -> None:
    log.write_bytes(b"caf\xe9\n")
    assert everything(followed(log, from_start=True)) == ["caf\N{REPLACEMENT CHARACTER}"]


def test_a_restart_goes_on_where_it_stopped(log: Path, followed: Follow) -> None:
    add(log, "one\ntwo\nthr")
    first = followed(log, from_start=True)
    assert everything(first) == ["one", "two"]
    place = first.place
    assert place is not None
    add(log, "ee\n")
    assert everything(followed(log, resume=Place.from_json(place.to_json()))) == ["three"]


def test_a_restart_after_a_rotation_reads_the_new_file_whole(log: Path, followed: Follow) -> None:
    add(log, "one\n")
    first = followed(log, from_start=True)
    everything(first)
    place = first.place
    log.rename(log.with_suffix(".1"))
    add(log, "two\n")
    assert everything(followed(log, resume=place)) == ["two"]


@given(
    st.lists(
        st.one_of(
            st.text(alphabet="abc \n", max_size=12).map(lambda text: ("add", text)),
            st.sampled_from([("rename", ""), ("read", "")]),
        ),
        max_size=30,
    )
)
def test_whatever_is_added_and_renamed_each_line_comes_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str]]
) -> None:
    log = tmp_path_factory.mktemp("log") / "app.log"
    log.touch()
    follower, expected, open_part, read, number = Follower(log), "", "", [], 0
    for kind, text in history:
        if kind == "add":
            add(log, text)
            open_part += text
        elif kind == "read":
            read += everything(follower)
        elif open_part:  # an empty file is not rotated, and one rotation is seen before the next
            read += everything(follower)
            number += 1
            log.rename(log.with_suffix(f".{number}"))
            log.touch()
            expected += open_part if open_part.endswith("\n") else open_part + "\n"
            open_part = ""
    add(log, "end\n")
    expected += open_part + "end\n"
    read += everything(follower)
    follower.close()
    assert read == expected.split("\n")[:-1]
