"""Register the demo package, which has no tables."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.demo"
