"""Lead addresses to pages; the first word of a name is its place in the navigation."""

from allauth.account.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from releasetrain.web.contexts.steering import VERBS
from releasetrain.web.views import (
    accounts,
    audit,
    board,
    calendar_feeds,
    changes,
    departures,
    flags,
    help_pages,
    live,
    notices,
    overrides,
    readiness,
    rollouts,
    steering,
    teams,
    trains,
    weeks,
)
from releasetrain.web.views.styleguide import styleguide

urlpatterns = [
    path("", board.board, name="board"),
    path("board/wall/", board.wall, name="board-wall"),
    path("trains/", trains.train_list, name="trains"),
    path("trains/new/", trains.train_new, name="trains-new"),
    path("trains/words/", trains.train_words, name="trains-words"),
    path("trains/<slug:slug>/", trains.train_detail, name="trains-detail"),
    path("trains/<slug:slug>/edit/", trains.train_edit, name="trains-edit"),
    path("trains/<slug:slug>/variants/new/", weeks.variant_new, name="trains-variant-new"),
    path("trains/<slug:slug>/variants/<int:pk>/", weeks.variant_edit, name="trains-variant"),
    path("trains/<slug:slug>/weeks/<str:monday>/", weeks.week, name="trains-week"),
    path("departures/<int:pk>/", departures.detail, name="departures-detail"),
    path("departures/<int:pk>/live/", departures.live, name="departures-live"),
    path("departures/<int:pk>/ballot/", departures.ballot, name="departures-ballot"),
    path("departures/<int:pk>/next/", departures.next_step, name="departures-next"),
    path("departures/<int:pk>/vote/", departures.vote, name="departures-vote"),
    path("departures/<int:pk>/release/", departures.release, name="departures-release"),
    path("departures/<int:pk>/accept-hold/", steering.accept_hold, name="departures-accept-hold"),
    path("departures/<int:pk>/steer/", steering.panel, name="departures-steer"),
    path("departures/<int:pk>/part/<slug:name>/", steering.part, name="departures-part"),
    *(
        path(f"departures/<int:pk>/{verb}/", steering.steer, {"verb": verb}, name=f"departures-{verb}")
        for verb in VERBS
    ),
    path("departures/<int:pk>/overrides/<int:number>/", overrides.override, name="departures-override"),
    path("departures/<int:pk>/overrides/<int:number>/approve/", overrides.approve, name="departures-approve"),
    path(
        "departures/<int:pk>/overrides/<int:number>/withdraw/", overrides.withdraw, name="departures-withdraw"
    ),
    path("departures/<int:pk>/overrides/<int:number>/review/", overrides.review, name="departures-review"),
    path("departures/<int:pk>/readiness/", readiness.readiness, name="departures-readiness"),
    *(
        path(
            f"departures/<int:pk>/readiness/{verb}/",
            readiness.mark,
            {"verb": verb},
            name=f"departures-{verb}-check",
        )
        for verb in readiness.DONE
    ),
    path("departures/<int:pk>/blockers/<int:number>/", readiness.blocker, name="departures-blocker"),
    path("departures/<int:pk>/blockers/<int:number>/clear/", readiness.clear, name="departures-clear"),
    path("departures/<int:pk>/blockers/<int:number>/defer/", readiness.defer, name="departures-defer"),
    path("departures/<int:pk>/rollback/", departures.roll_back, name="departures-rollback"),
    path("rollouts/<int:pk>/<slug:kind>/", rollouts.rollout_command, name="rollouts-command"),
    path("changes/", changes.change_list, name="changes"),
    path("changes/new/", changes.change_new, name="changes-new"),
    path("changes/<int:pk>/", changes.change_detail, name="changes-detail"),
    path("changes/<int:pk>/board/<int:departure>/", changes.change_board, name="changes-board"),
    path("changes/<int:pk>/check-in/", steering.check_in, name="changes-check-in"),
    path("changes/<int:pk>/edit/", changes.change_edit, name="changes-edit"),
    path("changes/<int:pk>/move/<int:departure>/", changes.change_move, name="changes-move"),
    path("changes/<int:pk>/ready/", changes.change_ready, name="changes-ready"),
    path("changes/<int:pk>/withdraw/", changes.change_withdraw, name="changes-withdraw"),
    path(
        "calendar/feeds/<str:token>/train/<slug:slug>.ics", calendar_feeds.train, name="calendar-feed-train"
    ),
    path("calendar/feeds/<str:token>/team/<slug:slug>.ics", calendar_feeds.team, name="calendar-feed-team"),
    path("calendar/feeds/<str:token>/me.ics", calendar_feeds.me, name="calendar-feed-me"),
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
    path("teams/", teams.team_list, name="teams"),
    path("teams/<slug:slug>/", teams.team, name="teams-detail"),
    path("teams/<slug:slug>/on-call/", teams.on_call, name="teams-on-call"),
    path("teams/<slug:slug>/on-call/new/", teams.shift_new, name="teams-shift-new"),
    path("teams/<slug:slug>/on-call/words/", teams.shift_words_view, name="teams-shift-words"),
    path("teams/<slug:slug>/on-call/<int:pk>/", teams.shift_edit, name="teams-shift"),
    path("teams/<slug:slug>/on-call/<int:pk>/remove/", teams.shift_remove, name="teams-shift-remove"),
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
