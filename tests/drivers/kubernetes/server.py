"""A strict little API server: patch types, subresources, versions and permissions are checked.

Only what the drivers use is here: GET and PATCH of single custom resources, over TLS, with a bearer token.
"""

import copy
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TOKEN = "a-service-account-token"
Document = dict[str, Any]


class Failed(Exception):
    """Answer with a Status object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class ApiServer(ThreadingHTTPServer):
    """Hold objects by their path.

    `control` is the controller, run upon every change while `is_controlled`. Faults: `forbidden` holds
    (verb, is_status) that the token may not; the next `fail_after` changes are done, then answered by 500;
    `meddlers` are run one before each of the next changes, as somebody quicker would; `hang_seconds` waits.
    """

    daemon_threads = True

    def __init__(self, control: Callable[[Document], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: dict[str, Document] = {}
        self.control, self.is_controlled = control, True
        self.forbidden: set[tuple[str, bool]] = set()
        self.fail_after = 0
        self.hang_seconds = 0.0
        self.is_away = False
        self.meddlers: list[Callable[[Document], None]] = []
        self.patches: list[tuple[str, Any]] = []
        self.lock = threading.RLock()
        self.version = 100
        self.certificate, key = certificate()
        with tempfile.NamedTemporaryFile() as file:
            Path(file.name).write_bytes(self.certificate + key)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file.name)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_address[1]}"

    @property
    def authorities(self) -> list[str]:
        return self.certificate.decode().splitlines()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it: the other side breaks off as it likes."""

    def put(self, path: str, document: Document) -> None:
        """Make an object, as somebody would by kubectl."""
        with self.lock:
            self.objects[path] = document
            document["metadata"] |= {"generation": 1, "resourceVersion": str(self.version)}
            self._run_controller(document)

    def change(self, path: str, how: Callable[[Document], None]) -> None:
        """Change an object by other hands."""
        with self.lock:
            before = copy.deepcopy(self.objects[path])
            how(self.objects[path])
            self._settle(before, self.objects[path])

    def patch(self, path: str, content_type: str, body: bytes, *, is_dry: bool) -> Document:
        path, is_status = (path.removesuffix("/status"), True) if path.endswith("/status") else (path, False)
        with self.lock:
            if path not in self.objects:
                raise Failed(404, f"{path} not found")
            if ("patch", is_status) in self.forbidden:
                raise Failed(403, "forbidden: the service account cannot patch this resource")
            if not is_dry and self.meddlers:
                self.change(path, self.meddlers.pop(0))
            before = self.objects[path]
            after = patched(before, content_type, body)
            if after["metadata"].get("resourceVersion") != before["metadata"]["resourceVersion"]:
                raise Failed(
                    409, "the object has been modified; please apply your changes to the latest version"
                )
            # Each half is changed by its own address alone, and nothing is said of the rest.
            kept = "metadata", "spec"
            for part in kept if is_status else ("status",):
                after.pop(part, None)
                if part in before:
                    after[part] = copy.deepcopy(before[part])
            if is_dry:
                return after
            self.patches.append((content_type, json.loads(body)))
            self.objects[path] = after
            self._settle(before, after)
            if self.fail_after:
                self.fail_after -= 1
                raise Failed(500, "etcdserver: request timed out")
            return after

    def _settle(self, before: Document, after: Document) -> None:
        if after == before:
            return
        self.version += 1
        after["metadata"]["resourceVersion"] = str(self.version)
        if after.get("spec") != before.get("spec"):
            after["metadata"]["generation"] = before["metadata"]["generation"] + 1
        self._run_controller(after)

    def _run_controller(self, document: Document) -> None:
        if self.is_controlled:
            self.control(document)
            self.version += 1
            document["metadata"]["resourceVersion"] = str(self.version)

    def revive_controller(self) -> None:
        with self.lock:
            self.is_controlled = True
            for document in self.objects.values():
                self._run_controller(document)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


def patched(before: Document, content_type: str, body: bytes) -> Document:
    try:
        said = json.loads(body)
    except ValueError:
        raise Failed(400, "the body is no JSON") from None
    if content_type == "application/json-patch+json":
        if not isinstance(said, list):
            raise Failed(400, "cannot unmarshal object into Go value of type jsonpatch.Patch")
        return json_patched(before, said)
    if content_type == "application/merge-patch+json":
        if not isinstance(said, dict):
            raise Failed(400, "cannot unmarshal array into Go value of type map")
        after: Document = merged(before, said)
        return after
    raise Failed(415, f"the body of the request was in an unknown format: {content_type}")


def json_patched(before: Document, operations: list[Document]) -> Document:
    after = copy.deepcopy(before)
    for one in operations:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in one["path"].split("/")[1:]]
        holder: Any = after
        try:
            for part in way:
                holder = holder[int(part)] if isinstance(holder, list) else holder[part]
            place: Any = int(last) if isinstance(holder, list) else last
            if one["op"] == "test":
                if holder[place] != one["value"]:
                    raise Failed(422, "the server rejected our request due to an error in our request")
            elif one["op"] == "replace":
                holder[place] = one["value"] if place in holder else missing()
            elif one["op"] == "add" and isinstance(holder, dict):
                holder[place] = one["value"]
            else:
                raise Failed(422, f"unsupported operation {one['op']}")
        except (KeyError, IndexError, ValueError, TypeError):
            raise Failed(422, f"add operation does not apply: doc is missing path {one['path']}") from None
    return after


def missing() -> Any:
    raise KeyError("the path is missing")


def merged(before: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    after = copy.deepcopy(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        else:
            after[name] = merged(after.get(name), value)
    return after


def unauthorized() -> Document:
    raise Failed(401, "Unauthorized")


class Handler(BaseHTTPRequestHandler):
    server: ApiServer

    def do_GET(self) -> None:
        self._handle(self._get)

    def do_PATCH(self) -> None:
        self._handle(self._patch)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _get(self) -> Document:
        with self.server.lock:
            if ("get", False) in self.server.forbidden:
                raise Failed(403, "forbidden: the service account cannot get this resource")
            path = urlsplit(self.path).path
            if path not in self.server.objects:
                raise Failed(404, f"{path} not found")
            return copy.deepcopy(self.server.objects[path])

    def _patch(self) -> Document:
        body = self.rfile.read(int(self.headers["content-length"]))
        parts = urlsplit(self.path)
        is_dry = parse_qs(parts.query).get("dryRun") == ["All"]
        return self.server.patch(parts.path, self.headers["content-type"], body, is_dry=is_dry)

    def _handle(self, act: Callable[[], Document]) -> None:
        time.sleep(self.server.hang_seconds)
        if self.server.is_away:
            return
        try:
            self._answer(200, act() if self._is_known() else unauthorized())
        except Failed as fault:
            status = {"kind": "Status", "status": "Failure", "message": fault.message, "code": fault.code}
            self._answer(fault.code, status)

    def _is_known(self) -> bool:
        return self.headers["authorization"] == f"Bearer {TOKEN}"

    def _answer(self, code: int, document: Document) -> None:
        body = json.dumps(document).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def certificate() -> tuple[bytes, bytes]:
    """Make an authority of its own that is the server, too."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a small API server")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
