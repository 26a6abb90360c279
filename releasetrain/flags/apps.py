"""Register the flags app."""

from django.apps import AppConfig


class FlagsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.flags"
    verbose_name = "Feature flags"
