"""Register the events app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.events"
    verbose_name = "What happened"
