"""Let administrators look at incidents; they are opened and resolved by verbs."""

from django.contrib import admin

from releasetrain.incidents.models import Incident
from releasetrain.lib.admin import ReadOnlyAdmin


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin[Incident]):
    list_display = ("title", "service", "opened_at", "opened_by", "resolved_at")
    list_filter = ("service",)
