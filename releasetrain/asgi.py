"""Serve pages and flag evaluation from one process, and sockets from another."""

import os
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releasetrain.settings")
django.setup()

from django.conf import settings  # noqa: E402 -- the apps must be ready first
from django.core.asgi import get_asgi_application  # noqa: E402

from releasetrain.api import intake, ofrep  # noqa: E402
from releasetrain.live.routing import stream  # noqa: E402

import_module(settings.ROOT_URLCONF)  # with every page, so that no request waits for that
import_module("releasetrain.celery")  # so that a page may wake a task by its name
application = intake.beside(ofrep.beside(get_asgi_application()))

__all__ = ["application", "stream"]
