"""Say why something of flagd's definition cannot be taken over."""


class CannotImport(ValueError):
    """Say in a sentence what has no equal here."""
