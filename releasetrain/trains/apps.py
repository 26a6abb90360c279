"""Register the trains app."""

from django.apps import AppConfig


class TrainsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.trains"
    verbose_name = "Trains, departures and decisions"
