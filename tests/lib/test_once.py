"""The same question is asked once inside a block, and each time outside it."""

from collections.abc import Callable

import pytest

from releasetrain.lib.once import asking_once, once

Read = Callable[[int], list[int]]


@pytest.fixture
def asked() -> list[int]:
    return []


@pytest.fixture
def read(asked: list[int]) -> Read:
    @once(lambda number: number)
    def doubled(number: int) -> list[int]:
        asked.append(number)
        return [number * 2]

    return doubled


def test_outside_a_block_every_question_is_asked(read: Read, asked: list[int]) -> None:
    assert read(1) == read(1) == [2]
    assert asked == [1, 1]


def test_inside_each_question_is_asked_once(read: Read, asked: list[int]) -> None:
    with asking_once():
        assert read(1) is read(1)
        assert read(2) == [4]
    assert asked == [1, 2]


def test_a_block_knows_nothing_of_the_one_before(read: Read, asked: list[int]) -> None:
    for _ in range(2):
        with asking_once():
            read(1)
    assert asked == [1, 1]


def test_a_block_inside_another_one_is_a_part_of_it(read: Read, asked: list[int]) -> None:
    with asking_once():
        read(1)
        with asking_once():
            read(1)
        read(1)
    assert asked == [1]


def test_a_read_that_fails_is_asked_again(asked: list[int]) -> None:
    @once(lambda: None)
    def fails() -> None:
        asked.append(1)
        raise ValueError

    with asking_once():
        for _ in range(2):
            with pytest.raises(ValueError):
                fails()
    assert asked == [1, 1]
    with asking_once():
        pass  # the failure has left no block open
    with pytest.raises(ValueError):
        fails()
