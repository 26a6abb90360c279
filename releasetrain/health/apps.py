"""Register the health app."""

from django.apps import AppConfig


class HealthConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.health"
    verbose_name = "Metrics and error lines"
