"""Run the demonstration's shop: a small HTTP service of its own that knows the house by its address alone.

Per request it asks its flag which checkout to run; once a second it tells the house how both went. On
loopback its new checkout can be broken and mended.
"""

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn

from releasetrain.demo import kept, pages
from releasetrain.demo.fixed import Fixed
from releasetrain.demo.reporting import Reporter
from releasetrain.demo.shop import (
    Checkout,
    Fault,
    TaxOffice,
    TaxRateMissingError,
    Version,
    basket_of,
    new_checkout,
    old_checkout,
)
from releasetrain.demo.sides import Sides
from releasetrain.demo.switch import Switch
from releasetrain.demo.tally import Tally, utc_now

logger = logging.getLogger("storefront")

FLAG, SERVICE, ENVIRONMENT = "new-checkout", "storefront", "production"
LONGEST_USER = 100
LAST_WORDS_SECONDS = 3
COOKIE = "shopper"

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]


class NotUnderstoodError(Exception):
    """The request cannot be answered, and the message says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as far as the shop reads it."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    client: str

    @property
    def wants_page(self) -> bool:
        return "text/html" in self.headers.get("accept", "")

    @property
    def is_from_this_machine(self) -> bool:
        """Tell whether the request comes from here, was meant for here, and not from another site's page."""
        host = urlsplit(f"//{self.headers.get('host', '')}").hostname
        origin = self.headers.get("origin")
        is_own_page = origin is None or urlsplit(origin).netloc == self.headers.get("host")
        return _is_loopback(self.client) and _is_loopback(host or "") and is_own_page

    @classmethod
    def read(cls, scope: Scope) -> "Asked":
        try:
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
        except ValueError:
            raise NotUnderstoodError("The address asks for more than twenty things.") from None
        return cls(
            method="GET" if scope["method"] == "HEAD" else scope["method"],
            path=scope["path"],
            query=query,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            client=(scope.get("client") or ("", 0))[0],
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """What the shop answers."""

    status: int
    body: bytes
    headers: tuple[Header, ...]

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Iterable[Header] = ()) -> "Reply":
        kind = (b"content-type", b"application/json")
        return cls(status, json.dumps(value).encode(), (kind, (b"cache-control", b"no-store"), *headers))

    @classmethod
    def text(cls, kind: bytes, text: str, status: int = 200, headers: Iterable[Header] = ()) -> "Reply":
        return cls(status, text.encode(), ((b"content-type", kind + b"; charset=utf-8"), *headers))

    @classmethod
    def refused(cls, sentence: str, status: int) -> "Reply":
        return cls.json({"error": sentence}, status)


@dataclass(slots=True)
class Shop:
    """Answer shoppers, count the answers, and let itself be broken."""

    switch: Switch | Fixed
    tally: Tally
    reporter: Reporter
    office: TaxOffice = field(default_factory=TaxOffice)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak ASGI."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            reply = await self._reply(scope)
            await _send(reply, send, is_head=scope["method"] == "HEAD")

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self._reporting():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        self.switch.close()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def _reporting(self) -> AsyncIterator[None]:
        """Count and tell while the shop is open, and tell the rest before it closes."""
        counting = asyncio.create_task(self.reporter.count())
        telling = asyncio.create_task(self.reporter.send())
        try:
            yield
        finally:
            counting.cancel()
            self.reporter.finish()
            await asyncio.wait([counting, telling], timeout=LAST_WORDS_SECONDS)

    async def _reply(self, scope: Scope) -> Reply:
        try:
            return await self._answer(Asked.read(scope))
        except NotUnderstoodError as refusal:
            return Reply.refused(str(refusal), 400)

    async def _answer(self, asked: Asked) -> Reply:
        answers: dict[tuple[str, str], Callable[[Asked], Awaitable[Reply]]] = {
            ("GET", "/"): self._checkout_page,
            ("GET", "/checkout"): self._checkout,
            ("GET", "/versions"): self._versions,
            ("GET", "/version"): self._version,
            ("GET", "/style.css"): self._style,
            ("POST", "/break"): self._break,
            ("POST", "/mend"): self._mend,
            ("POST", "/die"): self._die,
        }
        answer = answers.get((asked.method, asked.path))
        if answer is None:
            others = [method for method, path in answers if path == asked.path]
            if others:
                return Reply.refused(f"This address answers {others[0]} only.", 405)
            return Reply.refused("There is nothing at this address.", 404)
        return await answer(asked)

    async def _checkout(self, asked: Asked) -> Reply:
        if asked.wants_page:
            return await self._checkout_page(asked)
        user = _user_in(asked)
        if not user:
            raise NotUnderstoodError("Say who is shopping: /checkout?user=shopper-0001")
        version, checkout = await self._serve(user)
        if checkout is None:
            sentence = "Something went wrong at the till. Nothing was charged."
            return Reply.json({"user": user, "error": sentence}, 500, _version_header(version))
        return Reply.json(_facts(user, checkout), 200, _version_header(version))

    async def _checkout_page(self, asked: Asked) -> Reply:
        user = _user_in(asked) or _cookie_in(asked) or f"visitor-{secrets.token_hex(3)}"
        version, checkout = await self._serve(user)
        recent = self.tally.recent()
        html = pages.page(
            user=user,
            checkout=checkout,
            old=recent[Version.OLD],
            new=recent[Version.NEW],
            new_shoppers=list(self.tally.new_shoppers),
        )
        headers = [*pages.HEADERS, *_version_header(version), (b"cache-control", b"no-store")]
        if not _user_in(asked):
            cookie = f"{COOKIE}={user}; Path=/; HttpOnly; SameSite=Lax"
            headers.append((b"set-cookie", cookie.encode()))
        return Reply.text(b"text/html", html, 200 if checkout else 500, headers)

    async def _serve(self, user: str) -> tuple[Version, Checkout | None]:
        """Run the checkout that this shopper gets, and count how it went; None where it failed."""
        began = time.monotonic()
        version = Version.NEW if await self.switch.is_on(user) else Version.OLD
        checkout = None
        try:
            items = basket_of(user)
            checkout = (
                await new_checkout(items, self.office) if version is Version.NEW else old_checkout(items)
            )
        except TaxRateMissingError as error:
            line = f"{type(error).__name__}: {error}"
            if self.tally.note_line(version, f"ERROR checkout.{version}: {line}"):
                logger.error("The %s checkout failed, e.g. for %s: %s", version, user, line)  # noqa: TRY400
        self.tally.note(
            version,
            user,
            seconds=time.monotonic() - began,
            has_failed=checkout is None,
            is_order=checkout is not None and checkout.is_order,
            at=utc_now(),
        )
        return version, checkout

    async def _versions(self, asked: Asked) -> Reply:
        facts = {
            **self.tally.to_json(),
            "broken": self.office.fault.value if self.office.fault else None,
            "flag": {
                "key": self.switch.key,
                "evaluations": self.switch.evaluations,
                "errors": self.switch.errors,
                "last_error": self.switch.last_error,
            },
            "reports": self.reporter.to_json(),
        }
        return Reply.json(facts)

    async def _version(self, asked: Asked) -> Reply:
        return Reply.json({"version": self.switch.name})

    async def _style(self, asked: Asked) -> Reply:
        return Reply.text(b"text/css", pages.CSS, headers=[(b"cache-control", b"max-age=300")])

    async def _break(self, asked: Asked) -> Reply:
        if not asked.is_from_this_machine:
            return Reply.refused("Only somebody at this machine may break the shop.", 403)
        mode = asked.query.get("mode", [Fault.ERROR.value])[0]
        try:
            self.office.fault = Fault(mode)
        except ValueError:
            known = " or ".join(f"“{fault.value}”" for fault in Fault)
            raise NotUnderstoodError(f"The new checkout can be broken by mode {known}.") from None
        logger.warning("The new checkout is broken on purpose: %s.", self.office.fault)
        return Reply.json({"broken": self.office.fault.value})

    async def _mend(self, asked: Asked) -> Reply:
        if not asked.is_from_this_machine:
            return Reply.refused("Only somebody at this machine may mend the shop.", 403)
        self.office.fault = None
        logger.warning("The new checkout is mended.")
        return Reply.json({"broken": None})

    async def _die(self, asked: Asked) -> Reply:
        """Die as a crashed process does, without a last word."""
        if not asked.is_from_this_machine:
            return Reply.refused("Only somebody at this machine may kill the shop.", 403)
        os.kill(os.getpid(), signal.SIGKILL)
        return Reply.json({})


async def _send(reply: Reply, send: Send, *, is_head: bool) -> None:
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if is_head else reply.body})


def _facts(user: str, checkout: Checkout) -> dict[str, Any]:
    return {
        "user": user,
        "version": checkout.version.value,
        "items": [{"name": item.name, "price": str(item.price)} for item in checkout.items],
        "total": str(checkout.total),
        "taxes": [
            {"rate": tax.rate, "percent": str(tax.percent), "net": str(tax.net), "amount": str(tax.amount)}
            for tax in checkout.taxes
        ],
        "is_order": checkout.is_order,
        "note": checkout.note,
    }


def _version_header(version: Version) -> list[Header]:
    return [(b"x-version", version.value.encode())]


def _user_in(asked: Asked) -> str:
    user = asked.query.get("user", [""])[0].strip()
    if len(user) > LONGEST_USER or not user.isprintable():
        raise NotUnderstoodError(f"A shopper's key has at most {LONGEST_USER} printable characters.")
    return user


def _cookie_in(asked: Asked) -> str:
    morsel = SimpleCookie(asked.headers.get("cookie", "")).get(COOKIE)
    value = morsel.value if morsel else ""
    return (
        value if value.isascii() and value.replace("-", "").isalnum() and len(value) <= LONGEST_USER else ""
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_shop(environ: Mapping[str, str]) -> Shop:
    """Build the shop from its environment: where the house is, and where its secrets are kept."""
    house = environ.get("RELEASETRAIN_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
    data = kept.data_folder(environ)
    tally = Tally(utc_now())
    arm = arm_of(environ)
    reporter = Reporter(
        tally,
        house,
        kept.reader(data, "metrics"),
        service=SERVICE,
        environment=ENVIRONMENT,
        versions=(arm,) if arm else tuple(Version),
    )
    switch = Fixed(arm, data) if arm else Switch(house, FLAG, kept.reader(data, "ofrep"))
    return Shop(switch=switch, tally=tally, reporter=reporter)


def arm_of(environ: Mapping[str, str]) -> Version | None:
    """Return which version this process is behind a proxy, None where it asks its flag each time."""
    arm = environ.get("RELEASETRAIN_STOREFRONT_ARM", "")
    return Version(arm) if arm else None


def main() -> None:
    """Serve until told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    url = os.environ.get("RELEASETRAIN_STOREFRONT_URL", "http://127.0.0.1:8002")
    arm = arm_of(os.environ)
    own = urlsplit(f"//{Sides.beside(url).of(arm)}" if arm else url)
    shop = open_shop(os.environ)
    if isinstance(shop.switch, Fixed):
        shop.switch.wait_until_deployed()
    uvicorn.run(
        shop,
        host=own.hostname or "127.0.0.1",
        port=own.port or 8002,
        log_level="warning",
        access_log=False,
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )


if __name__ == "__main__":
    main()
