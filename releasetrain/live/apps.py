"""Register the live package, which has no tables."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.live"
