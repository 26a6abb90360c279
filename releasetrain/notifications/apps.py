"""Register the notifications app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.notifications"
    verbose_name = "Who is told what"
