"""Register the rollouts app."""

from django.apps import AppConfig


class RolloutsConfig(AppConfig):
    """Name the app for Django and its admin."""

    name = "releasetrain.rollouts"
    verbose_name = "Rollouts"

    def ready(self) -> None:
        # Models can be imported only once every app is loaded.
        from releasetrain.rollouts.providers import required_metrics
        from releasetrain.trains.queries.sight import ask_for

        ask_for(required_metrics)
