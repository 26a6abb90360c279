"""Explain each driver: what it can do, what its form asks for, and a configuration that works."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import select_template

from releasetrain.lib import clock
from releasetrain.lib.errors import NotFound
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.fields import Field
from releasetrain.rollouts.drivers.samples import samples_of
from releasetrain.rollouts.drivers.words import capability_words

FALLBACKS = (
    "Fallbacks",
    "further drivers, tried one after the other where a rollback by this one does not come through",
)


def driver_list(request: HttpRequest) -> HttpResponse:
    """List every driver; anybody may read it."""
    drivers = [
        (kind, driver.label, (driver.__doc__ or "").strip(), capability_words(driver.capabilities))
        for kind, driver in sorted(DRIVERS.items(), key=lambda one: one[1].label)
    ]
    return render(request, "help/drivers/index.html", {"drivers": drivers, "now": clock.now()})


def driver_page(request: HttpRequest, kind: str) -> HttpResponse:
    """Explain one driver.

    :raises NotFound: there is none of that name
    """
    driver = DRIVERS.get(kind)
    if driver is None:
        raise NotFound(f"There is no driver “{kind[:40]}”.")
    explained = select_template([f"help/drivers/{kind}.html", "help/drivers/nothing.html"])
    context = {
        "kind": kind,
        "label": driver.label,
        "does": (driver.__doc__ or "").strip(),
        "words": capability_words(driver.capabilities),
        "fields": [*(_field(one) for one in driver.fields), FALLBACKS],
        "samples": samples_of(kind),
        "explained": explained.template.name,
        "now": clock.now(),
    }
    return render(request, "help/drivers/page.html", context)


def _field(field: Field) -> tuple[str, str]:
    """Say what one field is for, under which name it is kept, and what holds where it is left out."""
    default = field.default
    if isinstance(default, list | tuple):
        default = ", ".join(str(one) for one in default)
    rest = "compulsory" if field.is_required else "left out: " + (str(default) if default else "nothing")
    return field.label, f"{field.help.rstrip('.')}. Kept as “{field.name}”; {rest}."
