"""Know every code host by its name, and any pull request by its address."""

from releasetrain.trains.webhooks import github

ADDRESSES = (github.external_id_of,)


def external_id_of(url: str) -> str | None:
    """Return the id of the pull request that an address leads to, or None for any other address."""
    return next((found for read in ADDRESSES if (found := read(url))), None)
