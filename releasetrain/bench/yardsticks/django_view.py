"""Serve fixed flag evaluations from bare Django async views, without any middleware."""

import json
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releasetrain.bench.yardsticks.settings")
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - the settings must be ready first
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


async def single(request: HttpRequest, key: str) -> JsonResponse:
    """Parse the context, look at nothing else, answer."""
    json.loads(request.body)
    return JsonResponse({"key": key, "value": True, "reason": "SPLIT", "variant": "on"})


async def bulk(request: HttpRequest) -> JsonResponse:
    """Parse the context, answer for 50 flags."""
    json.loads(request.body)
    flags = [
        {"key": f"bench-flag-{number}", "value": True, "reason": "SPLIT", "variant": "on"}
        for number in range(50)
    ]
    return JsonResponse({"flags": flags})


urlpatterns = [
    path("ofrep/v1/evaluate/flags", bulk),
    path("ofrep/v1/evaluate/flags/<str:key>", single),
]
application = get_asgi_application()
