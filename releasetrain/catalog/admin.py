"""Let administrators set up services, regions, environments and targets."""

from django import forms
from django.contrib import admin

from releasetrain.catalog.models import Dependency, Environment, Region, Service, ServiceRole, Target
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    list_display = ("name", "team", "repository", "archived_at")
    search_fields = ("name", "slug", "repository")
    list_select_related = ("team",)


@admin.register(Target)
class TargetAdmin(admin.ModelAdmin[Target]):
    list_display = ("service", "environment", "driver", "stable_version")
    list_select_related = ("service", "environment")


class RegionForm(forms.ModelForm[Region]):
    """Refuse a time zone that nobody knows: the days of whole-day windows follow it (RULES T7)."""

    class Meta:
        model = Region
        fields = ("slug", "name", "time_zone")

    def clean_time_zone(self) -> str:
        try:
            return read_zone(self.cleaned_data["time_zone"]).key
        except BadRule as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin[Region]):
    form = RegionForm
    list_display = ("name", "slug", "time_zone")
    search_fields = ("name", "slug", "time_zone")


@admin.register(Environment)
class EnvironmentAdmin(admin.ModelAdmin[Environment]):
    list_display = ("name", "slug", "region", "order")
    list_select_related = ("region",)


admin.site.register(Dependency)
admin.site.register(ServiceRole)
