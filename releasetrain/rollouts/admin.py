"""Let administrators say what guardrails a target has, and look at rollouts."""

from django.contrib import admin

from releasetrain.rollouts.hooks import HookState
from releasetrain.rollouts.models import Guardrail, Rollout


@admin.register(Guardrail)
class GuardrailAdmin(admin.ModelAdmin[Guardrail]):
    list_display = ("name", "target", "metric", "kind", "is_required")
    list_select_related = ("target__service", "target__environment")


@admin.register(Rollout)
class RolloutAdmin(admin.ModelAdmin[Rollout]):
    list_display = ("__str__", "state", "desired_weight", "observed_weight", "fence", "seq")
    list_select_related = ("target__service", "target__environment")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object | None = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object | None = None) -> bool:
        return False


@admin.register(HookState)
class HookStateAdmin(admin.ModelAdmin[HookState]):
    """Show what receivers have said; deleting a row lets an address that answered 410 be asked again."""

    list_display = ("target", "weight", "weight_fence", "reported_at", "gone_url", "ignored")
    list_select_related = ("target__service", "target__environment")

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object | None = None) -> bool:
        return False
