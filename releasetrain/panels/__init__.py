"""Draw fragments: page, htmx and socket all ask here, so that all three show the same.

What a page view needs:

    now = clock.now()
    live = panels.watch([f"departure:{pk}"], user=request.user, roles=request.roles, now=now)   # before reading!
    audience = panels.audience_for(f"departure:{pk}", user=request.user, roles=request.roles)
    context = panels.departure_context(pk, audience, now)     # the shapes that the templates name, and now

`watch` is the page's `<script type="application/json" id="live-context">`; it notes the position of the log, so it
comes before anything is read, or news in between would be lost.

    watch(topics, *, user, roles, now) -> dict      for json_script:"live-context"
    fresh_ticket(topics, *, user, roles, now) -> dict               GET /live/ticket/?topics=board,departure:12
    news_after(admit(topics, user=, roles=), position, now=) -> dict    GET /live/news/?topics=…&position=41, as JSON
    board_context(now, filters=Filters(team, service, environment)) -> {"board", "now"}
    departure_context(pk, audience, now) -> {"summary", "manifest", "decision", "rollouts", "feed", "now"}
    live_page_context(pk, audience, now) -> {"page": LivePage, "now"}, which watches live_topics(pk)
    operator_context(pk, roles, now, error="") -> {"operator", "now"}
    context(name, pk, audience, now) -> dict | None;  render(name, pk, audience, now, **more) -> SafeString
"""

from releasetrain.panels.audience import Audience, audience_of
from releasetrain.panels.board import Filters, board_context
from releasetrain.panels.draw import context, render
from releasetrain.panels.feed import change_feed, feed_of
from releasetrain.panels.news import fragments_after, news_after
from releasetrain.panels.operator import operator_context
from releasetrain.panels.pages import departure_context, live_page_context, live_topics
from releasetrain.panels.tickets import admit, audience_for, fresh_ticket, watch

__all__ = [
    "Audience",
    "Filters",
    "admit",
    "audience_for",
    "audience_of",
    "board_context",
    "change_feed",
    "context",
    "departure_context",
    "feed_of",
    "fragments_after",
    "fresh_ticket",
    "live_page_context",
    "live_topics",
    "news_after",
    "operator_context",
    "render",
    "watch",
]
