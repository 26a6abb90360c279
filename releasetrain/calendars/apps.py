"""Register the calendars app."""

from django.apps import AppConfig


class CalendarsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.calendars"
    verbose_name = "When nothing moves"
