"""Know the machine that asks by its token."""

from django.http import HttpRequest
from ninja.security import HttpBearer

from releasetrain.accounts.access import known_token, refuse_without_scope
from releasetrain.accounts.models import ApiToken


class Request(HttpRequest):
    """A request whose token was known."""

    auth: ApiToken


class Token(HttpBearer):
    """Take `Authorization: Bearer …`; with a scope, only tokens that have it.

    Without one, the endpoint asks for a scope that depends on what is sent.
    """

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        known = known_token(token.strip())
        if self.scope:
            refuse_without_scope(known, self.scope)
        return known
