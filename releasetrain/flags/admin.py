"""Let administrators look at flags; a change without its revision would never reach an application."""

from django.contrib import admin

from releasetrain.flags.models import Flag, FlagEnvironment, FlagRevision
from releasetrain.lib.admin import ReadOnlyAdmin


@admin.register(Flag)
class FlagAdmin(ReadOnlyAdmin[Flag]):
    list_display = ("key", "kind", "owner", "archived_at")
    list_filter = ("kind", "owner")
    search_fields = ("key",)


@admin.register(FlagEnvironment)
class FlagEnvironmentAdmin(ReadOnlyAdmin[FlagEnvironment]):
    list_display = ("flag", "environment", "enabled", "killed_at", "percentage", "fence")
    list_filter = ("environment",)


@admin.register(FlagRevision)
class FlagRevisionAdmin(ReadOnlyAdmin[FlagRevision]):
    list_display = ("number", "environment", "flag", "at", "actor_label", "reason")
    list_filter = ("environment",)
