"""Lead every address to its part of the house."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from releasetrain.api.probes import healthz, readyz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("", include("releasetrain.web.urls")),
    path("api/", include("releasetrain.api.urls")),
    path("admin/", admin.site.urls),
]
if settings.DEMO:
    urlpatterns.append(path("demo/", include("releasetrain.demo.urls")))

handler400 = "releasetrain.web.views.errors.bad_request"
handler403 = "releasetrain.web.views.errors.forbidden"
handler404 = "releasetrain.web.views.errors.not_found"
handler500 = "releasetrain.web.views.errors.server_error"
