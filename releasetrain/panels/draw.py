"""Draw one fragment for one audience."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.template.loader import get_template
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from releasetrain.panels.audience import Audience
from releasetrain.panels.registry import FRAGMENTS, Need, facts


@dataclass(frozen=True, slots=True)
class Drawn:
    """A fragment as it goes out: the id of its one root element, its HTML, and a hash of what it says.

    Two that say the same need not both go out, even where a clock in them has moved on.
    """

    id: str
    html: str
    facts: int


def context(name: str, pk: int, audience: Audience, now: datetime) -> dict[str, Any] | None:
    """Load what a page draws a fragment from, under the names that its template asks for.

    :param name: a key of `registry.FRAGMENTS`
    :return: None where there is nothing for this audience to see
    """
    recipe = FRAGMENTS[name]
    values = (recipe.load_for_page or recipe.load)(pk, audience, now)
    return None if values is None else {**values, "now": now}


def render(name: str, pk: int, audience: Audience, now: datetime, **more: Any) -> SafeString:
    """Draw a fragment as a page shows it; empty where this audience sees nothing.

    :param more: what only a page can add, e.g. csrf_token for whoever has no script
    """
    values = context(name, pk, audience, now)
    return mark_safe("") if values is None else _fill(name, {**values, **more})


def draw(need: Need, audience: Audience, now: datetime, known: int | None = None) -> Drawn | None:
    """Draw what goes over the wire; None where there is nothing to see, or nothing but the facts `known`."""
    values = FRAGMENTS[need.fragment].load(need.pk, audience, now)
    if values is None:
        return None
    said = hash(repr(facts(need, values)))
    if said == known:
        return None
    return Drawn(need.element_id, _fill(need.fragment, {**values, "now": now}), said)


def _fill(name: str, values: dict[str, Any]) -> SafeString:
    """Fill the template without a request and in UTC: the same fragment goes to readers in many zones."""
    with timezone.override(UTC):
        return mark_safe(get_template(FRAGMENTS[name].template).render(values).strip())  # noqa: S308 - our template
