"""Show windows to administrators; they are opened and ended by actions, which are audited."""

from django.contrib import admin
from django.http import HttpRequest

from releasetrain.calendars.models import Window


@admin.register(Window)
class WindowAdmin(admin.ModelAdmin[Window]):
    """List windows by their span."""

    list_display = ("name", "level", "starts_at", "ends_at", "stops_the_line", "ended_early_at")
    list_filter = ("level", "stops_the_line")
    search_fields = ("name", "reason")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Window | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Window | None = None) -> bool:
        return False
