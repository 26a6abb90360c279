"""Put the person into the request, and turn refusals into sentences with a status."""

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from releasetrain.catalog.access import roles_of
from releasetrain.lib.errors import Refused

Handler = Callable[[HttpRequest], HttpResponseBase]


class PersonMiddleware:
    """Load the roles once, and show times in the person's zone."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.roles = roles_of(request.user)  # type: ignore[attr-defined]
        zone = getattr(request.user, "time_zone", "UTC")
        with timezone.override(ZoneInfo(zone)):
            response = self.get_response(request)
        if request.user.is_authenticated:
            # Pages say what is so now, to one person: no copy of them is ever right later, or for others.
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class RefusalMiddleware:
    """Show a refusal that a view did not show itself: as a page, or as a toast to htmx."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        name = "errors/_refused.html" if request.headers.get("HX-Request") else "errors/refused.html"
        response = render(request, name, {"refusal": exception}, status=exception.status)
        if request.headers.get("HX-Request"):
            response["HX-Retarget"] = "#toasts"
            response["HX-Reswap"] = "beforeend"
        return response
