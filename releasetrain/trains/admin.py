"""Let administrators look at trains; what changes them are the verbs, which are audited."""

from typing import TypeVar

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from releasetrain.trains.models import (
    Blocker,
    CaptainSeat,
    Change,
    Departure,
    Evidence,
    LatePass,
    LedgerEntry,
    Manifest,
    Need,
    Policy,
    Train,
    Variant,
    Vote,
    WebhookDelivery,
    Week,
    Withdrawal,
)

Row = TypeVar("Row", bound=Model)


class ReadOnlyAdmin(admin.ModelAdmin[Row]):
    """Show rows and change none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        return False


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin[Policy]):
    list_display = ("name", "owner", "no_approval_needed")


@admin.register(Train)
class TrainAdmin(ReadOnlyAdmin[Train]):
    list_display = ("name", "team", "environment", "rule", "time_zone", "policy", "retired_at")
    list_filter = ("team", "environment")


@admin.register(CaptainSeat)
class CaptainSeatAdmin(ReadOnlyAdmin[CaptainSeat]):
    list_display = ("train", "order", "user")
    list_filter = ("train",)
    list_select_related = ("train", "user")


@admin.register(Variant)
class VariantAdmin(ReadOnlyAdmin[Variant]):
    list_display = ("train", "name", "rule", "first_departs_at_local", "time_zone")
    list_filter = ("train",)
    list_select_related = ("train",)


@admin.register(Week)
class WeekAdmin(ReadOnlyAdmin[Week]):
    list_display = ("train", "monday", "variant")
    list_filter = ("train",)
    list_select_related = ("train", "variant")


@admin.register(Departure)
class DepartureAdmin(ReadOnlyAdmin[Departure]):
    list_display = ("__str__", "train", "departs_at", "state", "held_kind", "outcome")
    list_filter = ("state", "train")
    list_select_related = ("train",)


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin[Change]):
    list_display = ("title", "service", "version", "state", "departure", "author_label")
    list_filter = ("state", "service")
    search_fields = ("title", "url", "external_id")
    list_select_related = ("service", "departure__train")


@admin.register(Manifest)
class ManifestAdmin(ReadOnlyAdmin[Manifest]):
    list_display = ("departure", "revision", "digest", "sealed_at")
    list_select_related = ("departure__train",)


@admin.register(Vote)
class VoteAdmin(ReadOnlyAdmin[Vote]):
    list_display = ("departure", "user_label", "role", "choice", "at", "replaced_at")
    list_select_related = ("departure__train",)


@admin.register(Blocker)
class BlockerAdmin(ReadOnlyAdmin[Blocker]):
    list_display = ("title", "kind", "departure", "owner_label", "opened_at", "cleared_at")
    list_filter = ("kind",)
    list_select_related = ("departure__train",)


@admin.register(Evidence)
class EvidenceAdmin(ReadOnlyAdmin[Evidence]):
    list_display = ("service", "version", "name", "state", "at", "reported_by")
    list_filter = ("state", "service")
    list_select_related = ("service",)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin[WebhookDelivery]):
    list_display = ("received_at", "host", "event", "delivery_id", "outcome")
    list_filter = ("host", "event")


@admin.register(LatePass)
class LatePassAdmin(ReadOnlyAdmin[LatePass]):
    list_display = ("change", "departure", "state", "asked_by_label", "granted_by_label", "use_by")
    list_filter = ("state",)
    list_select_related = ("change", "departure__train")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin[LedgerEntry]):
    list_display = ("change", "departure_label", "entered_at", "end", "ended_at", "ended_by_label", "reason")
    list_filter = ("end",)
    list_select_related = ("change",)


@admin.register(Need)
class NeedAdmin(ReadOnlyAdmin[Need]):
    list_display = ("change", "needed", "noted_by_label", "noted_at")
    list_select_related = ("change", "needed")


@admin.register(Withdrawal)
class WithdrawalAdmin(ReadOnlyAdmin[Withdrawal]):
    list_display = ("change", "departure", "state", "requested_by_label", "requested_at", "decided_by_label")
    list_filter = ("state",)
    list_select_related = ("change", "departure__train")
