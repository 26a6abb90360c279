"""Show instants in the train's zone and the reader's, and count down to them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from releasetrain.lib.moments import city, offset_in_words
from releasetrain.lib.spans import in_words

register = template.Library()

NEAR = timedelta(minutes=15)


@register.filter
def duration(length: timedelta | float | None) -> str:
    """Name a length of time, "1 h 22 min"."""
    return "" if length is None else in_words(length)


@register.filter
def iso(at: datetime | None) -> str:
    """Write an instant for machines, in UTC."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


register.filter("city", city)


def in_zone(at: datetime, zone: str) -> datetime:
    """Move an instant to a zone, or to the reader's where none is given."""
    return at.astimezone(ZoneInfo(zone) if zone else timezone.get_current_timezone())


@register.filter
def local_time(at: datetime | None, zone: str = "") -> str:
    """Show the wall time in a zone, 16:00."""
    return "" if at is None else f"{in_zone(at, zone):%H:%M}"


@register.filter
def local_day(at: datetime | None, zone: str = "") -> str:
    """Show the day in a zone, Mon 23 Nov."""
    return "" if at is None else f"{in_zone(at, zone):%a} {in_zone(at, zone).day} {in_zone(at, zone):%b}"


@register.filter
def local_stamp(at: datetime | None, zone: str = "") -> str:
    """Show day, time, city and that date's offset: Mon 23 Nov 2026, 16:00 Berlin (UTC+1)."""
    if at is None:
        return ""
    there = in_zone(at, zone)
    name, offset = city(str(there.tzinfo)), offset_in_words(there)
    where = name if name == offset else f"{name} ({offset})"
    return f"{local_day(at, zone)} {there.year}, {there:%H:%M} {where}"


@register.simple_tag
def when(at: datetime | None, zone: str = "", show: str = "time") -> SafeString | str:
    """Draw a time element: `show` is time, day, both or stamp; the full stamp is its title."""
    if at is None:
        return ""
    shown = {
        "time": local_time(at, zone),
        "day": local_day(at, zone),
        "both": f"{local_day(at, zone)}, {local_time(at, zone)}",
        "stamp": local_stamp(at, zone),
    }[show]
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(at), local_stamp(at, zone), shown)


@register.simple_tag
def reader_time(at: datetime | None, show: str = "seconds", beside: str = "") -> SafeString | str:
    """Draw an instant for js/times.js to turn into the reader's own zone.

    `show` is time, seconds, both (day and time) or stamp. With `beside` (the train's zone) it stays empty
    until the script finds that the reader's wall clock differs from the train's: "10:00 for you".
    Fragments are drawn once for many readers, so the zone can only be chosen in the browser.
    """
    if at is None:
        return ""
    if beside:
        return format_html('<reader-time datetime="{}" data-beside="{}"></reader-time>', iso(at), beside)
    there = in_zone(at, "")
    shown = {
        "time": f"{there:%H:%M}",
        "seconds": f"{there:%H:%M:%S}",
        "both": f"{local_day(at)}, {there:%H:%M}",
        "stamp": local_stamp(at),
    }[show]
    return format_html(
        '<reader-time datetime="{}" data-show="{}"><time datetime="{}" title="{}">{}</time></reader-time>',
        iso(at), show, iso(at), local_stamp(at), shown,
    )  # fmt: skip


def remaining(left: timedelta) -> str:
    """Write what is left as js/countdown.js does: 32:46, 1 h 22:46, 2 d 04 h."""
    seconds = max(0, int(left.total_seconds()))
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    if days:
        return f"{days} d {hours:02} h"
    if hours:
        return f"{hours} h {minutes:02}:{seconds:02}"
    return f"{minutes:02}:{seconds:02}"


@register.simple_tag
def countdown(
    until: datetime | None, now: datetime | None = None, past: str = "passed", look: str = ""
) -> SafeString | str:
    """Draw a countdown that js/countdown.js keeps going; `past` is the word once it is over."""
    if until is None:
        return ""
    left = until - (now or timezone.now())
    is_past = left <= timedelta()
    state = "past" if is_past else "near" if left <= NEAR else "ahead"
    return format_html(
        '<time class="countdown{}" role="timer" datetime="{}" title="{}" data-countdown="{}" data-word="{}">'
        "{}</time>",
        f" countdown--{look}" if look else "",
        iso(until),
        local_stamp(until),
        state,
        past,
        past if is_past else remaining(left),
    )
