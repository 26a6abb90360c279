"""Lead addresses to the demonstration; mounted only where the house is one."""

from django.urls import path

from releasetrain.demo import views

urlpatterns = [
    path("", views.page, name="demo"),
    path("panel/", views.panel, name="demo-panel"),
    path("break/", views.break_new, name="demo-break"),
    path("kill-candidate/", views.kill_candidate, name="demo-kill-candidate"),
    path("mend/", views.mend, name="demo-mend"),
    path("say-go/", views.say_go, name="demo-say-go"),
    path("depart-soon/", views.depart_soon, name="demo-depart-soon"),
    path("look-around/<slug:part>/", views.look_around, name="demo-look-around"),
]
