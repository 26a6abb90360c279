"""The wire keeps one connection, survives a stale one, and says in words when nobody answers."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from releasetrain.demo.shoppers import Crowd, Plan
from releasetrain.demo.wire import NoAnswerError, Wire
from tests.running import until


class Handler(http.server.BaseHTTPRequestHandler):
    """Answer with what was asked, and hang up without a word after /last."""

    protocol_version = "HTTP/1.1"
    ports: set[int] = set()

    def do_GET(self) -> None:
        self.ports.add(self.client_address[1])
        body = self.path.encode()
        self.send_response(200)
        self.send_header("X-Version", "old")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.path.endswith("/last")

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Handler.ports = set()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_requests_share_one_connection(address: str) -> None:
    wire = Wire(address, 5)

    answers = [wire.ask("GET", path).body for path in ("/one", "/two")]
    wire.close()

    assert answers == [b"/one", b"/two"]
    assert len(Handler.ports) == 1


def test_a_path_is_joined_to_the_addresss_own(address: str) -> None:
    wire = Wire(f"{address}/below/", 5)

    assert wire.ask("GET", "/one").body == b"/below/one"
    wire.close()


def test_a_connection_that_went_stale_is_replaced(address: str) -> None:
    wire = Wire(address, 5)

    assert wire.ask("GET", "/last").status == 200
    assert wire.ask("GET", "/again").body == b"/again"
    wire.close()

    assert len(Handler.ports) == 2


def test_nobody_answering_is_said_in_words(nobody: str) -> None:
    with pytest.raises(NoAnswerError, match="does not answer"):
        Wire(nobody, 1).ask("GET", "/")


def test_shoppers_write_down_what_they_got(address: str) -> None:
    crowd = Crowd(Plan(address, 30, 10))
    for _ in range(20):
        crowd.send_one()

    until(lambda: crowd.diary.counts["got old"] == 20, "some shoppers never came back")
    crowd.close()

    assert set(crowd.diary.versions) <= set(range(10))


def test_shoppers_go_on_while_the_shop_is_away(nobody: str) -> None:
    crowd = Crowd(Plan(nobody, 30, 10))
    for _ in range(5):
        crowd.send_one()

    until(lambda: crowd.diary.counts["unanswered"] == 5, "some shoppers never came back")
    crowd.close()
