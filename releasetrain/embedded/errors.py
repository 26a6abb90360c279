"""Name what can go wrong with a private server, in sentences for the person at the terminal."""


class ServerError(Exception):
    """A server that the house needs cannot be started, reached or trusted; the message says what to do."""
