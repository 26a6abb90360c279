"""Lead addresses to pages; the first word of a name is its place in the navigation."""

from allauth.account.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from releasetrain.web.views import (
    accounts,
    audit,
    board,
    changes,
    departures,
    flags,
    help_pages,
    live,
    notices,
    rollouts,
    trains,
)
from releasetrain.web.views.styleguide import styleguide

urlpatterns = [
    path("", board.board, name="board"),
    path("board/wall/", board.wall, name="board-wall"),
    path("trains/", trains.train_list, name="trains"),
    path("trains/new/", trains.train_new, name="trains-new"),
    path("trains/<slug:slug>/", trains.train_detail, name="trains-detail"),
    path("trains/<slug:slug>/edit/", trains.train_edit, name="trains-edit"),
    path("departures/<int:pk>/", departures.detail, name="departures-detail"),
    path("departures/<int:pk>/live/", departures.live, name="departures-live"),
    path("departures/<int:pk>/ballot/", departures.ballot, name="departures-ballot"),
    path("departures/<int:pk>/next/", departures.next_step, name="departures-next"),
    path("departures/<int:pk>/vote/", departures.vote, name="departures-vote"),
    path("departures/<int:pk>/hold/", departures.hold, name="departures-hold"),
    path("departures/<int:pk>/release/", departures.release, name="departures-release"),
    path("departures/<int:pk>/cancel/", departures.cancel, name="departures-cancel"),
    path("departures/<int:pk>/rollback/", departures.roll_back, name="departures-rollback"),
    path("rollouts/<int:pk>/<slug:kind>/", rollouts.rollout_command, name="rollouts-command"),
    path("changes/", changes.change_list, name="changes"),
    path("changes/new/", changes.change_new, name="changes-new"),
    path("changes/<int:pk>/", changes.change_detail, name="changes-detail"),
    path("changes/<int:pk>/board/<int:departure>/", changes.change_board, name="changes-board"),
    path("changes/<int:pk>/withdraw/", changes.change_withdraw, name="changes-withdraw"),
    path("calendar/", include("releasetrain.web.calendar_urls")),
    path("flags/", flags.flag_list, name="flags"),
    path("flags/<str:key>/", flags.flag_detail, name="flags-detail"),
    path("flags/<str:key>/<slug:environment>/kill/", flags.flag_switch, {"verb": "kill"}, name="flags-kill"),
    path(
        "flags/<str:key>/<slug:environment>/revive/",
        flags.flag_switch,
        {"verb": "revive"},
        name="flags-revive",
    ),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/<int:pk>/", notices.notice_open, name="notices-open"),
    path("notices/read/", notices.notices_read, name="notices-read"),
    path("notices/badge/", notices.badge, name="notices-badge"),
    path("audit/", audit.audit_list, name="audit"),
    path("live/news/", live.news, name="live-news"),
    path("live/ticket/", live.ticket, name="live-ticket"),
    path("sign-in/", LoginView.as_view(), name="account_login"),
    path("sign-in/link/<str:secret>/", accounts.link, name="sign-in-link"),
    path("sign-out/", LogoutView.as_view(), name="account_logout"),
    path("sign-up/", RedirectView.as_view(pattern_name="account_login"), name="account_signup"),
    path("sign-in/forgotten/", accounts.forgotten, name="account_reset_password"),
    path("help/", help_pages.help_page, name="help"),
    path("styleguide/", styleguide, name="styleguide"),
]
