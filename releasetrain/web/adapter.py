"""Adapt the sign-in library to this house: nobody signs up alone."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Let in only people whom an administrator has added."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
