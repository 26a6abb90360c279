"""Draw icons, and tell every state by shape, word and colour."""

from dataclasses import dataclass
from functools import lru_cache

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from lucide.templatetags.lucide import lucide

register = template.Library()


@dataclass(frozen=True, slots=True)
class Look:
    """How one state looks: its word, its icon, its tone, and the shape of its chip."""

    word: str
    icon: str
    tone: str = "quiet"
    shape: str = "pill"


UNKNOWN_ICON = "circle-question-mark"

LOOKS: dict[str, Look] = {
    # departures
    "scheduled": Look("Scheduled", "calendar-clock", shape="open"),
    "boarding": Look("Boarding", "door-open", "accent"),
    "deciding": Look("Go / no-go", "scale", "think"),
    "cleared": Look("Cleared", "ticket-check", "ok", "open"),
    "rolling": Look("Rolling", "train-front", "accent", "solid"),
    "held": Look("Held", "octagon-pause", "warn", "square"),
    "arrived": Look("Arrived", "circle-check-big", "ok"),
    "rolled_back": Look("Rolled back", "undo-2", "bad", "square"),
    "cancelled": Look("Cancelled", "ban", shape="dashed"),
    "skipped": Look("Skipped", "skip-forward", shape="dashed"),
    # changes
    "submitted": Look("Submitted", "inbox", shape="open"),
    "draft": Look("Draft", "pencil", "quiet"),
    "stand_by": Look("On stand-by", "hourglass", "think"),
    "aboard": Look("Aboard", "ticket", "accent"),
    "withdrawn": Look("Withdrawn", "x", shape="dashed"),
    "shipped": Look("Shipped", "package-check", "ok"),
    "rolled_over": Look("Next train", "redo-2", "think"),
    "returned": Look("Returned", "corner-up-left", "warn", "square"),
    "ejected": Look("Ejected", "log-out", "bad", "square"),
    "drifted": Look("Drifted", "git-pull-request", "warn", "dashed"),
    # requests to leave
    "leave_asked": Look("Asked", "hourglass", "think", "open"),
    "leave_accepted": Look("Taken off", "log-out", "warn"),
    "leave_refused": Look("Stays aboard", "ticket", "accent"),
    "leave_taken_back": Look("Taken back", "undo-2", shape="dashed"),
    # rollouts
    "queued": Look("Queued", "list-ordered", shape="open"),
    "preflight": Look("Preflight", "clipboard-check", "accent", "open"),
    "shifting": Look("Shifting", "arrow-right-left", "accent"),
    "baking": Look("Baking", "timer", "accent", "solid"),
    "soaking": Look("Soaking", "timer", "ok", "open"),
    "succeeded": Look("Arrived", "circle-check-big", "ok"),
    "rolling_back": Look("Rolling back", "undo-2", "bad", "solid"),
    "superseded": Look("Superseded", "replace", shape="dashed"),
    # guardrails
    "pass": Look("Pass", "circle-check", "ok"),
    "dismissed": Look("Dismissed", "eye-off", "warn", "dashed"),
    "pending": Look("Gathering", "circle-dashed", shape="open"),
    "inconclusive": Look("Inconclusive", "circle-question-mark", "warn", "square"),
    "error": Look("No answer", "triangle-alert", "warn", "square"),
    "fail": Look("Fail", "circle-x", "bad", "square"),
    "not_run": Look("Not run", "circle-minus", shape="dashed"),
    # error lines
    "line_new": Look("New", "circle-plus", "bad", "square"),
    "line_risen": Look("Risen", "trending-up", "warn", "square"),
    "severity_critical": Look("Critical", "flame", "bad", "solid"),
    "severity_warning": Look("Warning", "triangle-alert", shape="open"),
    # flags
    "on": Look("On", "toggle-right", "ok"),
    "off": Look("Off", "toggle-left", shape="open"),
    "killed": Look("Killed", "power", "bad", "square"),
    # votes
    "go": Look("Go", "circle-check", "ok"),
    "no_go": Look("No-go", "octagon-x", "bad", "square"),
    "needs_work": Look("Needs work", "wrench", "warn", "square"),
    "not_applicable": Look("Not applicable", "circle-slash", "ok", "dashed"),
    "veto": Look("May veto", "shield", shape="dashed"),
    "abstain": Look("Abstains", "circle-minus", shape="dashed"),
    "missing": Look("Waiting", "hourglass", "think", "open"),
    # windows
    "hard": Look("Hard", "octagon-x", "bad", "square"),
    "soft": Look("Soft", "hand", "warn", "square"),
    "notice": Look("Notice", "megaphone", "accent", "open"),
    "allow": Look("Allows", "lock-open", "ok", "dashed"),
    "line": Look("Line stopped", "octagon-pause", "bad", "solid"),
    "open": Look("Open", "lock-open", "ok"),
    "shut": Look("Shut", "lock", "bad", "square"),
    "fetching": Look("Being fetched", "refresh-cw", "accent", "open"),
    "stale": Look("Stale", "cloud-off", "warn", "square"),
    "fresh": Look("Up to date", "circle-check", "ok", "open"),
    # overrides
    "asked": Look("Second person", "hourglass", "think", "open"),
    "granted": Look("Granted", "shield-check", "ok"),
    "used": Look("To be reviewed", "clipboard-check", "warn", "square"),
    "reviewed": Look("Reviewed", "check-check", shape="open"),
    "expired": Look("Expired", "timer-off", shape="dashed"),
    # readiness
    "green": Look("Green", "circle-check", "ok"),
    "red": Look("Red", "circle-x", "bad", "square"),
    "waiting": Look("Not known yet", "hourglass", "think", "open"),
    "no_data": Look("No data", "circle-question-mark", "warn", "square"),
    "waived": Look("Waived", "shield-alert", "warn", "dashed"),
    "ready": Look("Ready", "clipboard-check", "ok"),
    "not_ready": Look("Not ready", "hourglass", "warn", "open"),
    "blocks": Look("Blocks", "construction", "bad", "square"),
    "watching": Look("Watching", "eye", "ok", "open"),
    # late passes
    "priced": Look("Not asked yet", "hourglass", shape="open"),
    "late_asked": Look("Asked for", "hourglass", "think", "open"),
    "refused": Look("Refused", "octagon-x", "bad", "square"),
    "late_used": Look("Used", "ticket-check", shape="open"),
    "lapsed": Look("Lapsed", "timer-off", shape="dashed"),
    # risk
    "low": Look("Low risk", "signal-low", shape="open"),
    "medium": Look("Medium risk", "signal-medium", "warn", "open"),
    "high": Look("High risk", "signal-high", "bad", "square"),
}

TONE_ICONS = {
    "quiet": "info",
    "accent": "info",
    "think": "scale",
    "ok": "circle-check",
    "warn": "triangle-alert",
    "bad": "octagon-alert",
}


def look_of(state: object) -> Look:
    """Find the look of a state; one that is not known keeps its own word."""
    name = str(getattr(state, "value", state) or "").lower()
    return LOOKS.get(name) or Look(name.replace("_", " ").capitalize() or "Unknown", UNKNOWN_ICON)


@register.filter
def look(state: object) -> Look:
    """Give a template the word, icon, tone and shape of a state."""
    return look_of(state)


@register.filter
def tone_icon(tone: str) -> str:
    """Name the icon that goes with a tone."""
    return TONE_ICONS.get(tone, "info")


@lru_cache(maxsize=512)
def draw_icon(name: str, label: str) -> SafeString:
    """Draw one icon as SVG; without a label it is decoration and readers skip it."""
    drawn = str(lucide(name, size=None, **{"class": "icon", "stroke-width": "2"}))
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return mark_safe(drawn.replace("<svg ", f"<svg {spoken} ", 1))  # noqa: S308 - from our own icon file


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw a Lucide icon in the size of the text around it."""
    return draw_icon(str(name), str(label))


@register.filter
def short(version: str) -> str:
    """Cut a full commit hash to what people read aloud; other versions stay whole."""
    return (
        version[:10]
        if len(version) >= 32 and all(sign in "0123456789abcdef" for sign in version)
        else version
    )


@register.filter
def message_tone(level: str) -> str:
    """Choose the tone for the level of one of Django's messages."""
    return {"success": "ok", "warning": "warn", "error": "bad"}.get(level, "accent")


@register.filter
def numbered(pattern: str, number: object) -> str:
    """Put a number where the pattern has #, to make the id of an element."""
    return pattern.replace("#", str(number))
