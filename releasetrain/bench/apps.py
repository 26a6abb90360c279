"""Register the bench package, which has no tables."""

from django.apps import AppConfig


class BenchConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.bench"
