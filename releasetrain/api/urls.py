"""Lead /api/ to its endpoints; whatever else is asked there is refused in JSON."""

from django.urls import URLPattern, path, re_path
from ninja import NinjaAPI

from releasetrain.api import callbacks, error_lines
from releasetrain.api.endpoints import router
from releasetrain.api.refusals import in_json, nothing_here, refuse_in_json

DESCRIPTION = """
Tokens are issued with `manage.py issue_token NAME SCOPE…` and sent as `Authorization: Bearer …`.

| Scope | What it opens |
|---|---|
| `metrics:<service>` | `POST /api/v1/metrics` and `POST /api/v1/errors` for that service |
| `evidence:<service>` | `POST /api/v1/evidence` for that service |
| `read` | the departures |
| `ofrep:<environment>` | flags at `/ofrep/v1/evaluate/flags` (OpenFeature Remote Evaluation Protocol) |

Receivers of webhooks report to the signed address that each message gives them.
Messages from GitHub carry no token; they are signed with `RELEASETRAIN_GITHUB_WEBHOOK_SECRET`.
Every refusal is `{"error": code, "message": sentence}`.
"""

api = NinjaAPI(title="Release Train", version="1", urls_namespace="api-v1", description=DESCRIPTION)
api.add_router("", router)
api.add_router("", error_lines.router)
api.add_router("", callbacks.router)
refuse_in_json(api)

# Not named app_name: that would be a namespace around the one that ninja looks for.
routes, ninja, namespace = api.urls

urlpatterns = [
    path("v1/", ([in_json(one) for one in routes if isinstance(one, URLPattern)], ninja, namespace)),
    re_path(r"", nothing_here),
]
