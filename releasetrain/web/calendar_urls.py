"""Lead addresses under /calendar/ to pages."""

from django.urls import path

from releasetrain.web.views.calendar import feeds, holidays, line, open_now, overrides, pages, subscribe

urlpatterns = [
    path("", pages.calendar, name="calendar"),
    path("stop/", line.line_stop, name="calendar-stop"),
    path("open/", open_now.open_now, name="calendar-open"),
    path("overrides/", overrides.override_list, name="calendar-overrides"),
    path("overrides/<int:pk>/review/", overrides.override_review, name="calendar-overrides-review"),
    path("holidays/", holidays.holiday_list, name="calendar-holidays"),
    path("subscribe/", subscribe.addresses, name="calendar-subscribe"),
    path("subscribe/renew/", subscribe.renew, name="calendar-subscribe-renew"),
    path("feeds/", feeds.feed_list, name="calendar-feeds"),
    path("feeds/new/", feeds.feed_new, name="calendar-feeds-new"),
    path("feeds/<int:pk>/", feeds.feed_detail, name="calendar-feeds-detail"),
    path("feeds/<int:pk>/refresh/", feeds.feed_refresh, name="calendar-feeds-refresh"),
    path("feeds/<int:pk>/file/", feeds.feed_file, name="calendar-feeds-file"),
    path("feeds/<int:pk>/remove/", feeds.feed_remove, name="calendar-feeds-remove"),
]
