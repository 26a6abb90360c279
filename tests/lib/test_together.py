import asyncio
import threading
from collections.abc import Sequence

from releasetrain.lib.together import Together


def doubled(numbers: Sequence[int]) -> list[int | None]:
    return [2 * number for number in numbers]


async def test_each_gets_its_own_answer() -> None:
    together = Together("doubling", doubled, most=10)
    try:
        assert await asyncio.gather(*(together.ask(number) for number in range(50))) == [
            2 * number for number in range(50)
        ]
    finally:
        together.stop()


async def test_who_comes_while_others_are_served_is_served_with_all_who_wait_up_to_a_bound() -> None:
    sizes, is_begun, may_go_on = list[int](), threading.Event(), threading.Event()

    def work(numbers: Sequence[int]) -> list[int | None]:
        sizes.append(len(numbers))
        is_begun.set()
        may_go_on.wait(30)
        return doubled(numbers)

    together = Together("doubling", work, most=4)
    try:
        first = asyncio.create_task(together.ask(0))
        await asyncio.to_thread(is_begun.wait, 30)
        others = [asyncio.create_task(together.ask(number)) for number in range(1, 7)]
        await asyncio.sleep(0)
        may_go_on.set()
        assert await asyncio.gather(first, *others) == [0, 2, 4, 6, 8, 10, 12]
    finally:
        together.stop()
    assert sizes == [1, 4, 2]


async def test_a_fault_leaves_those_who_waited_without_an_answer_and_nobody_after_them() -> None:
    def work(numbers: Sequence[int]) -> list[int | None]:
        if 13 in numbers:
            raise ValueError("unlucky")
        return doubled(numbers)

    together = Together("doubling", work, most=1)
    try:
        assert await together.ask(13) is None
        assert await together.ask(4) == 8
    finally:
        together.stop()


async def test_who_gave_up_waiting_disturbs_nobody() -> None:
    may_go_on = threading.Event()

    def work(numbers: Sequence[int]) -> list[int | None]:
        may_go_on.wait(30)
        return doubled(numbers)

    together = Together("doubling", work, most=2)
    try:
        impatient = asyncio.create_task(together.ask(1))
        await asyncio.sleep(0)
        impatient.cancel()
        patient = asyncio.create_task(together.ask(2))
        await asyncio.sleep(0)
        may_go_on.set()
        assert await patient == 4
    finally:
        together.stop()


async def test_who_waits_when_it_ends_is_served_and_it_can_begin_again() -> None:
    together = Together("doubling", doubled, most=10)
    waiting = asyncio.create_task(together.ask(1))
    await asyncio.sleep(0)
    await asyncio.to_thread(together.stop)
    assert await waiting == 2
    assert await together.ask(3) == 6
    together.stop()
