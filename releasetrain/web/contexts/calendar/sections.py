"""Lead between the pages that belong to the calendar."""

from releasetrain.panels.shapes import Tab

SECTIONS = (
    ("calendar", "Calendar", "/calendar/"),
    ("open", "Open now?", "/calendar/open/"),
    ("overrides", "Overrides", "/calendar/overrides/"),
    ("feeds", "Feeds", "/calendar/feeds/"),
    ("holidays", "Holidays", "/calendar/holidays/"),
    ("subscribe", "Subscribe", "/calendar/subscribe/"),
)


def sections(current: str) -> list[Tab]:
    """Return the calendar's pages, with the one that is shown."""
    return [Tab(label, url, name == current) for name, label, url in SECTIONS]
