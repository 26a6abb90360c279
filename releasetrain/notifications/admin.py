"""Show administrators which messages did not reach anybody."""

from django.contrib import admin
from django.http import HttpRequest

from releasetrain.notifications.models import Delivery


@admin.register(Delivery)
class DeliveryAdmin(admin.ModelAdmin[Delivery]):
    """List deliveries, undelivered ones by filter."""

    list_display = ("notice", "channel", "state", "attempts", "next_due_at", "error")
    list_filter = ("state", "channel")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:
        return False
