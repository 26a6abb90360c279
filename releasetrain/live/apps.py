"""Register the live package, which has no tables, and let it hear of every event."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    """Name the package for Django."""

    name = "releasetrain.live"

    def ready(self) -> None:
        from releasetrain.events.actions import subscribe  # inline: models load only once apps are ready
        from releasetrain.live.publish import publish

        subscribe(publish)
