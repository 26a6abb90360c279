"""Find the target that a service reports about."""

from releasetrain.catalog.models import Target
from releasetrain.lib.errors import NotFound


def target_for(service: str, environment: str) -> Target:
    """Return a target by the slugs of its service and environment.

    :raises NotFound: there is none
    """
    target = (
        Target.objects.select_related("service", "environment")
        .filter(service__slug=service, environment__slug=environment)
        .first()
    )
    if target is None:
        raise NotFound(
            f"There is no service “{service[:50]}” in an environment “{environment[:50]}”: "
            "add the target first.",
            who="an administrator",
        )
    return target
