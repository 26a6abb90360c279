"""Type the request that views get: a person with roles, and htmx."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles


class Request(HttpRequest):
    """A request from somebody who has signed in."""

    user: User
    roles: Roles
    htmx: HtmxDetails
