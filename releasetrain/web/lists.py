"""Page through lists that the database has filtered and sorted."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from releasetrain.panels.shapes import Pager

PAGE = 50


def paged(request: HttpRequest, rows: QuerySet[Any, Any], *, total: int | None = None) -> Page[Any]:
    """Return the page of rows that the address asks for; nonsense means the first one.

    :param total: how many there are, where that is counted already
    """
    pages = Paginator(rows, PAGE)
    if total is not None:
        vars(pages)["count"] = total
    return pages.get_page(request.GET.get("page"))


def pager(request: HttpRequest, page: Page[Any]) -> Pager | None:
    """Say where the page stands in its list; None where everything fits on one."""
    if not page.has_other_pages():
        return None
    return Pager(
        first=page.start_index(),
        last=page.end_index(),
        total=page.paginator.count,
        newer_url=_url(request, page.previous_page_number()) if page.has_previous() else "",
        older_url=_url(request, page.next_page_number()) if page.has_next() else "",
    )


def _url(request: HttpRequest, number: int) -> str:
    query = request.GET.copy()
    query["page"] = str(number)
    return f"{request.path}?{query.urlencode()}"
