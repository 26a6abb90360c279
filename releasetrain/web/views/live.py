"""Keep pages current that have no socket, and renew the tickets of those that have one."""

from django.http import JsonResponse
from django.views.decorators.cache import never_cache

from releasetrain.lib import clock
from releasetrain.panels import news as fresh
from releasetrain.panels import tickets
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request


def topics_of(request: Request) -> list[str]:
    return [topic for topic in request.GET.get("topics", "").split() if topic]


@never_cache
@signed_in
def news(request: Request) -> JsonResponse:
    """Answer with everything that happened on these topics after a position."""
    admitted = tickets.admit(topics_of(request), user=request.user, roles=request.roles)
    text = request.GET.get("after", "")
    position = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    return JsonResponse(fresh.message_of(fresh.after(admitted, position, now=clock.now())))


@never_cache
@signed_in
def ticket(request: Request) -> JsonResponse:
    """Renew a ticket from the roles as they are now (RULES L2)."""
    admitted = tickets.admit(topics_of(request), user=request.user, roles=request.roles)
    return JsonResponse({"ticket": tickets.issue(admitted, person=request.user.pk, now=clock.now())})
