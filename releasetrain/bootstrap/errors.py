"""Name what can go wrong before the libraries are there, in sentences for the person at the terminal."""


class BootstrapError(Exception):
    """The environment cannot be made; the message says why and what to do."""
