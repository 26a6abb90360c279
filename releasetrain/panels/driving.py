"""Say what the last look at a target's driver means for a rollout, in the words of its page."""

from datetime import datetime, timedelta

from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import Action
from releasetrain.panels.stages import Moving
from releasetrain.rollouts.actions.draining import ROUTED_AWAY
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.models import Rollout, Standing
from releasetrain.rollouts.rules.states import MOVING_STATES

WHICH = {"candidate": "new version", "baseline": "old version"}
# What came back longer ago than this is no longer anybody's concern on the live page.
LATELY = timedelta(hours=1)


def warnings_of(one: Moving) -> list[str]:
    """Return what somebody who watches should know: a red driver, dead servers, a fleet that disagrees."""
    standing = _standing(one.rollout)
    if standing is None or (one.state not in MOVING_STATES and one.state not in ROUTED_AWAY):
        return []
    if one.rollout.is_finished:
        return []
    found = []
    if standing.is_well is False:
        found.append(
            f"The driver cannot act: {standing.detail or 'no reason given'} Nothing is promoted meanwhile; a "
            "rollback is asked for all the same."
        )
    for arm, which in WHICH.items():
        down = [row["name"] for row in standing.servers if row["arm"] == arm and not row["is_up"]]
        if down:
            found.append(f"Down, of the {which}: {', '.join(down)}.")
    if standing.missing:
        found.append(f"Not what the others are: {', '.join(standing.missing)}. All must agree first.")
    return found


def drain_words(rollout: Rollout) -> str:
    """Tell routed away from drained: users who were sent back may still hold a connection."""
    standing = _drained(rollout)
    if standing is None or standing.open_connections is None:
        return ""
    if standing.open_connections == 0:
        return "Drained: no connection to the new version is open."
    count = standing.open_connections
    return (
        f"Routed away; {count} connection{'' if count == 1 else 's'} to the new version "
        f"{'is' if count == 1 else 'are'} still open."
    )


def cut_of(rollout: Rollout, audience: Audience) -> Action | None:
    """Offer operators to cut what is still open, where the driver can."""
    standing = _drained(rollout)
    driver = DRIVERS.get(rollout.target.driver)
    if audience is not Audience.OPERATOR or standing is None or not standing.open_connections:
        return None
    if driver is None or not driver.capabilities.can_cut:
        return None
    return Action(
        name="cut",
        label="Cut them",
        url=f"/rollouts/{rollout.pk}/cut/",
        icon="scissors",
        kind="danger",
    )


def _drained(rollout: Rollout) -> Standing | None:
    """Return what was counted since a rollout came back, if that was lately."""
    standing = _standing(rollout)
    if standing is None or standing.drained_at is None or rollout.state not in ROUTED_AWAY:
        return None
    since: datetime = rollout.state_entered_at
    return standing if since <= standing.drained_at <= since + LATELY else None


def _standing(rollout: Rollout) -> Standing | None:
    return getattr(rollout.target, "standing", None)
