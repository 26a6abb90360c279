"""Say what an incident may be called."""

TITLE_LENGTH = 200


def why_not_title(title: str) -> str | None:
    """Say why an incident cannot have this title."""
    if title.strip():
        return None
    return "Say in a few words what is wrong: people will look for it by this title."
