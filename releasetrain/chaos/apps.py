"""Register the chaos package, which has no tables."""

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.chaos"
