"""Ready-made frames are those that a WebSocket library would make, and go only where they are understood."""

from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from releasetrain.live.lane import lane_of, text_frame


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_is_the_librarys_own(length: int) -> None:
    payload = b"x" * length
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_there_is_no_lane_behind_a_send_that_is_not_the_servers() -> None:
    async def send(message: Any) -> None: ...

    class Other:
        async def send(self, message: Any) -> None: ...

    assert (lane_of(send), lane_of(Other().send)) == (None, None)
