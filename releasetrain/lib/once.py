"""Ask the same question once while something is put together from many reads.

The parts of a page are drawn by functions that know nothing of each other and read the same things. Inside
`asking_once` a read that is marked answers the same question from memory; outside it reads each time.
Nothing that writes may run inside.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_answers: ContextVar[dict[Hashable, Any] | None] = ContextVar("answers", default=None)


@contextmanager
def asking_once() -> Iterator[None]:
    """Remember the answers of marked reads until the end of the block; the outermost block counts."""
    if _answers.get() is not None:
        yield
        return
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def once(key: Callable[P, Hashable]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Mark a read as one that is asked once.

    :param key: what tells one question from another, from the read's own arguments
    """

    def mark(read: Callable[P, T]) -> Callable[P, T]:
        @wraps(read)
        def answer(*args: P.args, **kwargs: P.kwargs) -> T:
            known = _answers.get()
            if known is None:
                return read(*args, **kwargs)
            question = (read, key(*args, **kwargs))
            if question not in known:
                known[question] = read(*args, **kwargs)
            found: T = known[question]
            return found

        return answer

    return mark
