"""Register the catalog app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.catalog"
    verbose_name = "Services and where they run"
