"""Say what went wrong in a sentence, with the page's frame around it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from releasetrain.lib.errors import NotAllowed, NotFound, Refused


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, Refused("Your browser sent something that this page cannot read.", status=400))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, NotAllowed("You may not see or do this.", who="an administrator"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    sentence = "This page was open for too long, or your browser keeps no cookies. Reload it and press again."
    return _show(request, NotAllowed(sentence))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _show(request, NotFound("There is nothing at this address, or it is not yours to see."))


def server_error(request: HttpRequest) -> HttpResponse:
    # No context processors: whatever failed, this page asks nothing of the database.
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def _show(request: HttpRequest, refusal: Refused) -> HttpResponse:
    return render(request, "errors/refused.html", {"refusal": refusal}, status=refusal.status)
