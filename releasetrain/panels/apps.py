"""Register the panels package, which has no tables."""

from django.apps import AppConfig


class PanelsConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.panels"
