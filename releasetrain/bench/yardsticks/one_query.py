"""Answer a page from one indexed query, without any middleware: the least that a page of Django's costs."""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from releasetrain.trains.models import Departure


def departure(request: HttpRequest, pk: int) -> JsonResponse:
    """Read one row by its key and say it."""
    row = Departure.objects.values("state", "departs_at").get(pk=pk)
    return JsonResponse(row)


urlpatterns = [path("departures/<int:pk>/", departure)]
