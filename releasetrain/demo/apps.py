"""Register the demo package, which has no tables."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_save


class DemoConfig(AppConfig):
    """Name the package for Django; behind a proxy let its shop run what departs."""

    name = "releasetrain.demo"

    def ready(self) -> None:
        if settings.DEMO_PROXY:
            post_save.connect(deploy_what_departs, sender="rollouts.Rollout")


def deploy_what_departs(instance: Any, created: bool, **_: Any) -> None:  # noqa: FBT001 - Django's signature
    """Deploy the version of a new rollout on the shop's new side, as somebody's pipeline would have done."""
    from releasetrain.demo import proxying  # it needs the models

    if created:
        proxying.deploy(instance)
