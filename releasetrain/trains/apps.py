"""Register the trains app."""

from django.apps import AppConfig


class TrainsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.trains"
    verbose_name = "Trains, departures and decisions"

    def ready(self) -> None:
        # Models can be imported only once every app is loaded.
        from releasetrain.accounts.actions import guard
        from releasetrain.trains.queries.quorums import unreachable

        guard(unreachable)
