"""Give pages the demonstration's panel and people where the visitor may use them."""

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from releasetrain.demo import world
from releasetrain.demo.access import why_not_here
from releasetrain.demo.journey import demo_people
from releasetrain.demo.panel import Panel, draw_later
from releasetrain.lib import clock
from releasetrain.panels.shapes import DemoPerson

register = template.Library()


@register.simple_tag(takes_context=True)
def demo_panel(context: dict[str, Any]) -> Panel | None:
    """Build the control panel for a signed-in visitor at this machine; None for everybody else."""
    request: HttpRequest | None = context.get("request")
    if request is None or not request.user.is_authenticated or why_not_here(request):
        return None
    return draw_later(context.get("now") or clock.now(), settings.STOREFRONT_URL)


@register.simple_tag(takes_context=True)
def people_to_look_around_as(context: dict[str, Any]) -> list[DemoPerson]:
    """Name whom a visitor at this machine may look around as; nobody elsewhere, or before they are loaded."""
    request: HttpRequest | None = context.get("request")
    if request is None or why_not_here(request):
        return []
    there = demo_people()
    return [
        DemoPerson(spec.name, spec.title, spec.can, _address(spec.part), spec.icon)
        for spec in world.parts().values()
        if spec.email in there
    ]


def _address(part: str) -> str:
    return reverse("demo-look-around", args=[part])
