"""Let people in by a one-time link; the sign-in page itself is the library's."""

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from releasetrain.accounts.actions import use_sign_in_link
from releasetrain.lib import clock

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@never_cache
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest, secret: str) -> HttpResponse:
    """Ask once before the link is spent: mail scanners and previews follow links, people press buttons."""
    if request.method == "GET":
        return render(request, "account/link.html", {"secret": secret})
    user = use_sign_in_link(secret, clock.now())
    login(request, user, backend=BACKEND)
    return redirect("board")


def forgotten(request: HttpRequest) -> HttpResponse:
    """Say how one comes in again; a link is made by whoever runs this house."""
    return render(request, "account/forgotten.html")
