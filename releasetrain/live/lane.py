"""Write ready-made frames straight into a socket's buffer, where the server is the one that we know.

Through ASGI every watcher's copy of a message is framed anew, which costs more than sending it. The frame
is the same for all of them, so it is made once. Whatever is not exactly as expected, another server, a full
buffer, a socket that closes, goes the ordinary way.
"""

import struct
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

TEXT = 0x81  # a whole text message in one frame (RFC 6455, section 5.2)
Lane = Callable[[bytes], bool]


def text_frame(payload: bytes) -> bytes:
    """Frame a text message as servers do: unmasked, in one piece."""
    length = len(payload)
    if length < 126:
        return struct.pack("!BB", TEXT, length) + payload
    if length < 65_536:
        return struct.pack("!BBH", TEXT, 126, length) + payload
    return struct.pack("!BBQ", TEXT, 127, length) + payload


def lane_of(send: Any) -> Lane | None:
    """Find the way into the buffer behind an ASGI send; None where there is none.

    :return: a function that writes a frame, or returns False where it must go the ordinary way
    """
    protocol = getattr(send, "__self__", None)
    if not isinstance(protocol, WebSocketsSansIOProtocol) or protocol.conn.extensions:
        return None
    transport, writable, connection = protocol.transport, protocol.writable, protocol.conn

    def write(frame: bytes) -> bool:
        if not writable.is_set() or connection.state is not State.OPEN or transport.is_closing():
            return False
        transport.write(frame)
        return True

    return write
