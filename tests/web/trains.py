"""Type a train as its form sends it."""

from typing import Any

from tests import make


def typed(**fields: Any) -> dict[str, Any]:
    """Return everything that a person types for a train that leaves Berlin on Tuesdays at 14:00."""
    return {
        "name": "Night Mail",
        "slug": "night-mail",
        "team": make.team().pk,
        "environment": make.environment().pk,
        "services": [make.service().pk],
        "policy": make.policy(release_manager=1).pk,
        "time_zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY;BYDAY=TU",
        "first_departs_at_local": "2026-11-24T14:00",
        "boarding_lead": "10080",
        **cut_offs({"kind": "lead", "amount": "2", "unit": "3600"}),
        **rows("milestones"),
        **rows("captains"),
        **stages((1, 10), (10, 10), (100, 10)),
        **fields,
    }


def rows(prefix: str, *fields: dict[str, Any]) -> dict[str, Any]:
    """Return rows of a form as they are sent."""
    sent = {f"{prefix}-TOTAL_FORMS": str(len(fields)), f"{prefix}-INITIAL_FORMS": "0"}
    for number, row in enumerate(fields):
        sent |= {f"{prefix}-{number}-{name}": str(value) for name, value in row.items()}
    return sent


def cut_offs(*fields: dict[str, Any]) -> dict[str, Any]:
    return rows("cut_offs", *fields)


def milestones(*fields: dict[str, Any]) -> dict[str, Any]:
    return rows("milestones", *fields)


def stages(*rungs: tuple[object, object], **first: object) -> dict[str, Any]:
    """Return a ladder as it is sent: (% of users, minutes) a stage, and what the first one asks besides."""
    fields = [{"weight": weight, "bake_minutes": minutes} for weight, minutes in rungs]
    return rows("stages", *({**row, **(first if not number else {})} for number, row in enumerate(fields)))
