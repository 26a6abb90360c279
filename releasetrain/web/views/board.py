"""Show the departure board."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from releasetrain.accounts.access import refuse_strangers
from releasetrain.accounts.rules import Role
from releasetrain.events.queries import clock_and_position
from releasetrain.panels.board import Filters, board_context
from releasetrain.web.contexts.trains import may_make
from releasetrain.web.decorators import signed_in
from releasetrain.web.forms.parts import PartsFilter, load_parts
from releasetrain.web.live import audience_for, watching
from releasetrain.web.request import Request


class BoardFilter(PartsFilter):
    """Narrow the board down."""

    def chosen(self) -> Filters:
        return Filters(**self.cleaned_data) if self.is_valid() else Filters()


@signed_in
def board(request: Request) -> HttpResponse:
    """Show every departure, soonest first, live."""
    context = context_of(request)
    name = "board/_departures.html" if request.htmx and not request.htmx.boosted else "board/page.html"
    return render(request, name, context)


@signed_in
def wall(request: Request) -> HttpResponse:
    """Show the board on a wall screen: larger, with nothing to press."""
    return render(request, "board/wall.html", {**context_of(request), "filters": None})


def context_of(request: Request) -> dict[str, Any]:
    """Gather the board and what stands around it."""
    refuse_strangers(request.roles, "see the board")
    now, position = clock_and_position()
    filters = BoardFilter(request.GET or None, parts=load_parts())
    chosen = filters.chosen()
    new_train_url = "/trains/new/" if may_make(request.roles) else ""
    return {
        **board_context(
            now, filters=chosen, new_train_url=new_train_url, audience=audience_for(request, "board")
        ),
        "filters": filters,
        "submit_url": "/changes/new/" if request.roles.has_any(Role.SUBMITTER) else "",
        "new_train_url": new_train_url,
        "wall_url": "/board/wall/",
        "live": watching(request, ["board"], now, position=position),
    }
