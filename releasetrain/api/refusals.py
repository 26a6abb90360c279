"""Say every refusal as JSON: a code for programs and a sentence for people."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.urls import URLPattern
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from releasetrain.lib.errors import Refused

logger = logging.getLogger(__name__)

MOST_FLAWS = 5
ROOMS = {"body", "query", "path", "header", "form"}


def problem(status: int, code: str, message: str, **more: Any) -> JsonResponse:
    """Build the answer of a refusal."""
    said = {key: value for key, value in more.items() if value}
    return JsonResponse({"error": code, "message": message, **said}, status=status)


def refuse_in_json(api: NinjaAPI) -> None:
    """Teach an API the one form of all refusals."""
    api.add_exception_handler(Refused, _refused)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(AuthenticationError, _unknown)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _nothing)
    api.add_exception_handler(RequestDataTooBig, _too_big)
    api.add_exception_handler(SuspiciousOperation, _unreadable)
    api.add_exception_handler(UnreadablePostError, _unreadable)
    api.add_exception_handler(RawPostDataException, _unreadable)
    api.add_exception_handler(OperationalError, _away)
    api.add_exception_handler(InterfaceError, _away)
    api.add_exception_handler(Exception, _bug)


def _refused(request: HttpRequest, refusal: Refused | type[Refused]) -> HttpResponse:
    assert isinstance(refusal, Refused)  # noqa: S101 - ninja's type allows the class as well
    response = problem(
        refusal.status,
        refusal.code,
        refusal.message,
        field=getattr(refusal, "field", ""),
        until=refusal.until,
        who=refusal.who,
    )
    if refusal.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _invalid(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    flaws = [(_place(one["loc"]), str(one["msg"]).rstrip(".")) for one in getattr(error, "errors", [])]
    told = "; ".join(f"{place}: {text}" if place else text for place, text in flaws[:MOST_FLAWS])
    more = f" (and {len(flaws) - MOST_FLAWS} more)" if len(flaws) > MOST_FLAWS else ""
    return problem(422, "invalid", f"{told}{more}.", field=flaws[0][0] if flaws else "")


def _place(location: tuple[Any, ...]) -> str:
    """Name a field as the sender knows it: without the room it came in and the name of our own variable."""
    parts = [str(one) for one in location]
    if parts and parts[0] in ROOMS:
        parts = parts[2:] if parts[0] == "body" else parts[1:]
    return ".".join(part for part in parts if part != "filters")[:100]


def _unknown(request: HttpRequest, error: object) -> HttpResponse:
    response = problem(401, "no_token", "Send a token, as “Authorization: Bearer …”.")
    response["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    status = getattr(error, "status_code", 400)
    if status == 400:
        return problem(400, "unreadable", "The body is not JSON that can be read.")
    return problem(status, "refused", f"{str(error).rstrip('.')}.")


def _nothing(request: HttpRequest, error: object) -> HttpResponse:
    return nothing_here(request)


def _too_big(request: HttpRequest, error: object) -> HttpResponse:
    return problem(413, "too_large", "The body is larger than 2 MiB: send it in parts.")


def _unreadable(request: HttpRequest, error: object) -> HttpResponse:
    return problem(400, "unreadable", "The request cannot be read to its end.")


def _away(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    words = (str(error).splitlines() or [type(error).__name__])[0]
    logger.warning("The database did not answer %s %s: %s", request.method, request.path, words)
    response = problem(503, "away", "The database does not answer now. Send this again in a moment.")
    response["Retry-After"] = "1"
    return response


def _bug(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    logger.error("A bug in %s %s.", request.method, request.path, exc_info=error)  # type: ignore[arg-type]
    return problem(500, "bug", "Something went wrong here; it was logged.")


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Say that no endpoint has this address."""
    return problem(404, "not_found", f"There is nothing at {request.path[:200]}; see /api/v1/docs.")


def in_json(pattern: URLPattern) -> URLPattern:
    """Let a view of the API refuse a method in JSON, too."""
    view: Callable[..., HttpResponseBase] = pattern.callback

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code != 405 or "json" in response.get("Content-Type", ""):
            return response
        allowed = response["Allow"]
        said = problem(405, "not_allowed_method", f"{request.method} is not possible here; {allowed} is.")
        said["Allow"] = allowed
        return said

    pattern.callback = answer
    return pattern
