"""Lead addresses under /calendar/ to pages."""

from django.urls import path

from releasetrain.web.views.calendar import pages

urlpatterns = [
    path("", pages.calendar, name="calendar"),
]
