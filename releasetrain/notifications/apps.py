"""Register the notifications app."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Name the app for Django and its admin, and listen to what happens."""

    name = "releasetrain.notifications"
    verbose_name = "Who is told what"

    def ready(self) -> None:
        # Models can be imported only once every app is loaded.
        from releasetrain.events.actions import subscribe
        from releasetrain.notifications.actions import tell

        subscribe(tell)
