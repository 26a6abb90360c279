"""Let administrators set up services, environments and targets."""

from django.contrib import admin

from releasetrain.catalog.models import Dependency, Environment, Service, ServiceRole, Target


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    list_display = ("name", "team", "repository", "archived_at")
    search_fields = ("name", "slug", "repository")
    list_select_related = ("team",)


@admin.register(Target)
class TargetAdmin(admin.ModelAdmin[Target]):
    list_display = ("service", "environment", "driver", "stable_version")
    list_select_related = ("service", "environment")


admin.site.register(Environment)
admin.site.register(Dependency)
admin.site.register(ServiceRole)
