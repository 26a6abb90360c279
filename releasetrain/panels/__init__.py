"""Draw fragments: page, htmx and socket all ask here, so that all three show the same.

- `context` and `render` make one fragment by its name in `registry.FRAGMENTS`; `pages` makes whole pages.
- `tickets.admit` says with whose eyes a person sees a topic, and `tickets.issue` lets a page watch it.
- `news.after` says what a page has missed since a position. A page notes `events.queries.last_position()`
  before it reads anything else, or what happens in between is lost to it.
"""

from releasetrain.panels.audience import Audience, audience_of
from releasetrain.panels.board import Filters, board_context
from releasetrain.panels.draw import context, render
from releasetrain.panels.feed import change_feed, feed_of
from releasetrain.panels.operator import operator_context
from releasetrain.panels.pages import departure_context, live_page_context, live_topics

__all__ = [
    "Audience",
    "Filters",
    "audience_of",
    "board_context",
    "change_feed",
    "context",
    "departure_context",
    "feed_of",
    "live_page_context",
    "live_topics",
    "operator_context",
    "render",
]
