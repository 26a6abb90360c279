"""Let administrators look at windows, holidays and feeds; what changes them are audited verbs."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from releasetrain.calendars.models import Feed, Holidays, Occurrence, Window, WindowScope
from releasetrain.lib.admin import ReadOnlyAdmin


class ScopeInline(admin.TabularInline[WindowScope, Window]):
    """Show what a window covers and leaves out."""

    model = WindowScope
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Window)
class WindowAdmin(ReadOnlyAdmin[Window]):
    list_display = (
        "name",
        "level",
        "effect",
        "starts_at",
        "ends_at",
        "stops_the_line",
        "ended_early_at",
        "deleted_at",
    )
    list_filter = ("level", "effect", "stops_the_line", "feed")
    search_fields = ("name", "reason")
    inlines = (ScopeInline,)


@admin.register(Occurrence)
class OccurrenceAdmin(ReadOnlyAdmin[Occurrence]):
    list_display = ("window", "region", "during")
    list_select_related = ("window", "region")
    search_fields = ("window__name",)
    show_full_result_count = False


@admin.register(Holidays)
class HolidaysAdmin(ReadOnlyAdmin[Holidays]):
    list_display = ("name", "country", "subdivision")


@admin.register(Feed)
class FeedAdmin(ReadOnlyAdmin[Feed]):
    list_display = ("name", "brings", "level", "checked_at", "good_at", "problem", "removed_at")
    list_filter = ("brings", "level")
    # An address may hold a secret; the body may be long.
    exclude = ("url", "body")
