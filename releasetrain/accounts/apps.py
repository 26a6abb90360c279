"""Register the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.accounts"
    verbose_name = "People, teams and roles"
