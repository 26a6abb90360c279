"""Serve the plain tutorial's consumer: every socket joins a group, and the group is sent ready HTML."""

import os
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releasetrain.bench.yardsticks.settings")
django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402 - the settings must be ready first
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

GROUP = "watchers"


class WatchConsumer(AsyncWebsocketConsumer):
    """The chat consumer of the Channels tutorial, without its chat."""

    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def fragment_changed(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["html"])


routes: list[Any] = [path("watch", WatchConsumer.as_asgi())]  # type: ignore[arg-type] # as the tutorial does
application = ProtocolTypeRouter({"websocket": URLRouter(routes)})
