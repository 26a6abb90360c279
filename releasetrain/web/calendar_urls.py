"""Lead addresses under /calendar/ to pages."""

from django.urls import path

from releasetrain.web.views.calendar import (
    feeds,
    holidays,
    line,
    open_now,
    overrides,
    pages,
    subscribe,
    windows,
)

urlpatterns = [
    path("", pages.calendar, name="calendar"),
    path("stop/", line.line_stop, name="calendar-stop"),
    path("open/", open_now.open_now, name="calendar-open"),
    path("windows/new/", windows.window_new, name="calendar-windows-new"),
    path("windows/<int:pk>/", windows.window_detail, name="calendar-windows-detail"),
    path("windows/<int:pk>/edit/", windows.window_edit, name="calendar-windows-edit"),
    path("windows/<int:pk>/end/", windows.window_end, name="calendar-windows-end"),
    path(
        "windows/<int:pk>/end-this-time/",
        windows.window_end,
        {"only_this_time": True},
        name="calendar-windows-end-this-time",
    ),
    path("windows/<int:pk>/delete/", windows.window_delete, name="calendar-windows-delete"),
    path("overrides/", overrides.override_list, name="calendar-overrides"),
    path("overrides/<int:pk>/review/", overrides.override_review, name="calendar-overrides-review"),
    path("holidays/", holidays.holiday_list, name="calendar-holidays"),
    path("subscribe/", subscribe.addresses, name="calendar-subscribe"),
    path("subscribe/renew/", subscribe.renew, name="calendar-subscribe-renew"),
    path("feeds/", feeds.feed_list, name="calendar-feeds"),
    path("feeds/new/", feeds.feed_new, name="calendar-feeds-new"),
    path("feeds/<int:pk>/", feeds.feed_detail, name="calendar-feeds-detail"),
    path("feeds/<int:pk>/edit/", feeds.feed_edit, name="calendar-feeds-edit"),
    path("feeds/<int:pk>/state/", feeds.feed_state, name="calendar-feeds-state"),
    path("feeds/<int:pk>/refresh/", feeds.feed_refresh, name="calendar-feeds-refresh"),
    path("feeds/<int:pk>/file/", feeds.feed_file, name="calendar-feeds-file"),
    path("feeds/<int:pk>/remove/", feeds.feed_remove, name="calendar-feeds-remove"),
]
