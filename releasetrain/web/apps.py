"""Register the web package, which has no tables."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.web"
