"""Register the incidents app."""

from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.incidents"
    verbose_name = "Incidents"
