"""Let administrators look at what services reported."""

from django.contrib import admin

from releasetrain.health.models import ErrorLine, Reading
from releasetrain.lib.admin import ReadOnlyAdmin


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin[Reading]):
    list_display = ("target", "metric", "arm", "source", "units", "bad", "starts_at", "received_at")
    list_filter = ("arm", "metric")
    show_full_result_count = False


@admin.register(ErrorLine)
class ErrorLineAdmin(ReadOnlyAdmin[ErrorLine]):
    list_display = ("sample", "target", "arm", "count", "first_at", "last_at")
    list_filter = ("arm",)
