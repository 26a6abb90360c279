"""Show the demonstration's control panel, take its buttons, and let visitors look around as somebody."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from releasetrain.accounts.models import User
from releasetrain.demo import journey, running, world
from releasetrain.demo.access import refuse_elsewhere
from releasetrain.demo.panel import draw_now
from releasetrain.demo.shop import Fault
from releasetrain.events.actions import record
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid, NotFound
from releasetrain.web.decorators import signed_in
from releasetrain.web.request import Request
from releasetrain.web.views.accounts import BACKEND


@never_cache
@require_safe
@signed_in
def page(request: Request) -> HttpResponse:
    """Show the control panel on a page of its own, for whoever has no script."""
    refuse_elsewhere(request)
    now = clock.now()
    return render(request, "demo/page.html", {"panel": draw_now(now, settings.STOREFRONT_URL), "now": now})


@never_cache
@require_safe
@signed_in
def panel(request: Request) -> HttpResponse:
    """Show the control panel as it is now."""
    refuse_elsewhere(request)
    return _panel(request)


@require_POST
@signed_in
def break_new(request: Request) -> HttpResponse:
    """Break the new checkout as the form says.

    :raises Invalid: nothing breaks like that
    """
    refuse_elsewhere(request)
    try:
        fault = Fault(request.POST.get("command", ""))
    except ValueError:
        raise Invalid("The new version can be broken by “error” or made “slow”.") from None
    running.break_new_version(fault, by=request.user, now=clock.now())
    return _answer(request, "The new version is broken. Only those who get it notice.")


@require_POST
@signed_in
def kill_candidate(request: Request) -> HttpResponse:
    """Kill the process of the new version."""
    refuse_elsewhere(request)
    running.kill_new_version(by=request.user, now=clock.now())
    return _answer(request, "The new version is dead. Its users get the old one.")


@require_POST
@signed_in
def mend(request: Request) -> HttpResponse:
    """Mend the new checkout."""
    refuse_elsewhere(request)
    running.mend_new_version(by=request.user, now=clock.now())
    return _answer(request, "The new version works again.")


@require_POST
@signed_in
def say_go(request: Request) -> HttpResponse:
    """Let the demonstration's people say go.

    :raises NotFound: there is nothing to say go to
    """
    refuse_elsewhere(request)
    departure = journey.current_departure()
    if departure is None:
        raise NotFound("No departure of the demonstration is planned; run it again first.")
    said = journey.say_go(departure, clock.now())
    return _answer(request, f"{' and '.join(str(one.person) for one in said)} said go.")


@require_POST
@signed_in
def depart_soon(request: Request) -> HttpResponse:
    """Plan another departure of the demonstration train."""
    refuse_elsewhere(request)
    departure = running.depart_soon(clock.now())
    return _answer(request, f"{departure} is boarding.")


@never_cache
@require_POST
def look_around(request: HttpRequest, part: str) -> HttpResponse:
    """Sign a visitor in as one of the demonstration's people; there is no password to know.

    :raises NotFound: nobody plays that part here
    """
    refuse_elsewhere(request)
    spec = world.parts().get(part)
    user = User.objects.filter(email=spec.email, is_active=True).first() if spec else None
    if user is None:
        raise NotFound(
            "Nobody of the demonstration plays this part; “manage.py demo load” brings its people."
        )
    login(request, user, backend=BACKEND)
    record(kind="demo.visit.started", subject=user, actor=user, now=clock.now())
    return redirect(_next(request))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else "/"


def _answer(request: Request, sentence: str) -> HttpResponse:
    """Show the panel again to htmx, or the page to whoever has no script."""
    if request.htmx:
        return _panel(request)
    messages.success(request, sentence)
    return redirect("demo")


def _panel(request: Request) -> HttpResponse:
    now = clock.now()
    context = {"panel": draw_now(now, settings.STOREFRONT_URL), "now": now}
    return render(request, "demo/_panel.html", context)
