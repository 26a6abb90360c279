"""Register the rollouts app."""

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.rollouts"
    verbose_name = "Rollouts"
