"""Let administrators add people, teams and roles."""

from django.contrib import admin

from releasetrain.accounts.models import ApiToken, Membership, Shift, Team, User
from releasetrain.lib.admin import ReadOnlyAdmin


class MembershipInline(admin.TabularInline[Membership, User]):
    model = Membership
    extra = 1


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    list_display = ("name", "email", "time_zone", "is_active")
    search_fields = ("name", "email")
    fields = ("email", "name", "time_zone", "is_active", "is_staff", "is_superuser", "last_login")
    readonly_fields = ("last_login",)
    inlines = (MembershipInline,)


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    list_display = ("name", "prefix", "scopes", "created_at", "revoked_at")
    readonly_fields = ("prefix", "digest", "created_by", "created_at")

    def has_add_permission(self, request: object) -> bool:
        return False


@admin.register(Shift)
class ShiftAdmin(ReadOnlyAdmin[Shift]):
    list_display = ("team", "starts_local", "ends_local", "time_zone", "rule", "label", "removed_at")
    list_filter = ("team",)


admin.site.register(Team)
