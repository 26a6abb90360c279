"""Let administrators add people, teams and roles."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest

from releasetrain.accounts.actions import check_losses, losses
from releasetrain.accounts.models import ApiToken, Membership, Shift, Team, User
from releasetrain.accounts.rules.roles import Loss
from releasetrain.lib import clock
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

    def save_form(self, request: HttpRequest, form: ModelForm[User], change: bool) -> User:  # noqa: FBT001
        """Remember which quorums cannot be reached anyway, before anything is written."""
        form.before = losses(clock.now())  # type: ignore[attr-defined]
        saved: User = super().save_form(request, form, change)
        return saved

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[User],
        formsets: Any,
        change: bool,  # noqa: FBT001
    ) -> None:
        """Say which quorums somebody is missed in now; a guarded one refuses the whole edit (RULES D4)."""
        super().save_related(request, form, formsets, change)
        before: list[Loss] = form.before  # type: ignore[attr-defined]
        for sentence in check_losses(form.instance, before, clock.now()):
            messages.warning(request, sentence)


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
