"""Three full runs with secrets: none of them is left in the database, the logs or the terminal.

One secret is an input, one is that of a security scheme, one is the output of a login. The service
mirrors all that it gets, also in its errors, so that a careless engine would write it down.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from end_to_end.processes import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-4711/that is+no secret"
SECRETS = {
    "of_input": "first-secret/äöü?with all+signs",
    "of_scheme": "reader:second-secret/with&more=signs",
}
TOKEN = "third-secret/of+the login~output"  # noqa: S105 - the service of the test gives it
DOCUMENT = """
arazzo: 1.0.1
info: {title: Accounts, version: 1.0.0}
sourceDescriptions: [{name: api, url: api.yaml, type: openapi}]
workflows:
  - workflowId: by-input
    inputs:
      type: object
      required: [key]
      properties: {key: {type: string, format: password}, note: {type: string}}
    steps:
      - stepId: ask
        operationId: open
        parameters:
          - {name: X-Key, in: header, value: $inputs.key}
          - {name: key, in: query, value: $inputs.key}
        requestBody:
          contentType: application/json
          payload: {note: $inputs.note, key: $inputs.key}
        outputs: {mirrored: $response.body, header: $response.header.X-Mirrored}
    outputs: {mirrored: $steps.ask.outputs.mirrored, header: $steps.ask.outputs.header}
  - workflowId: by-scheme
    inputs: {type: object, properties: {note: {type: string}}}
    steps:
      - stepId: ask
        operationId: closed
        parameters: [{name: note, in: query, value: $inputs.note}]
        outputs: {mirrored: $response.body}
    outputs: {mirrored: $steps.ask.outputs.mirrored}
  - workflowId: by-login
    inputs: {type: object, properties: {note: {type: string}}}
    steps:
      - stepId: login
        operationId: login
        outputs: {token: $response.body#/token}
      - stepId: ask
        operationId: open
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}
        requestBody: {contentType: application/json, payload: {note: $inputs.note}}
        outputs: {mirrored: $response.body}
      - stepId: refused
        operationId: refused
        parameters:
          - {name: Authorization, in: header, value: 'Bearer {$steps.login.outputs.token}'}
    outputs: {mirrored: $steps.ask.outputs.mirrored, token: $steps.login.outputs.token}
"""
API = """
openapi: 3.1.0
info: {title: Accounts, version: 1.0.0}
paths:
  /login: {post: {operationId: login, responses: {'200': {description: ok}}}}
  /open: {post: {operationId: open, responses: {'200': {description: ok}}}}
  /closed:
    get: {operationId: closed, security: [{Login: []}], responses: {'200': {description: ok}}}
  /refused: {get: {operationId: refused, responses: {'200': {description: ok}}}}
components: {securitySchemes: {Login: {type: http, scheme: basic}}}
"""
SETTINGS = """
credentials: {Login: {secret: of_scheme}}
secrets: [of_input, of_scheme]
"""


class Mirror(BaseHTTPRequestHandler):
    """Answers with all that it got: path, headers and body; a login with the token."""

    def do_GET(self) -> None:
        """Answer a request without a body."""
        self._answer({})

    def do_POST(self) -> None:
        """Answer a request with one."""
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(json.loads(raw or b"{}"))

    def _answer(self, body: Any) -> None:
        given = {**body, "path": self.path, "headers": dict(self.headers.items())}
        if self.path == "/login":
            given["token"] = TOKEN
        raw = json.dumps(given).encode()
        self.send_response(422 if self.path.startswith("/refused") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("X-Mirrored", quote(self.headers.get("X-Key", "")))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Write no log."""


@contextmanager
def mirror() -> Iterator[str]:
    """Give the URL of the service."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def site_of(folder: Path, **variables: str) -> Iterator[Site]:
    """Give an installation with the documents, the secrets and these variables."""
    documents = folder / "documents"
    documents.mkdir()
    for name, text in (
        ("it.arazzo.yaml", DOCUMENT),
        ("api.yaml", API),
        ("settings.yaml", SETTINGS),
    ):
        (documents / name).write_text(text, encoding="utf-8")
    secrets = {f"DURAZZO_SECRET_{name.upper()}": value for name, value in SECRETS.items()}
    site = Site(folder / "site", documents, {**secrets, **variables})
    site.folder.mkdir()
    try:
        with mirror() as url:
            site.servers = {"api": url}
            site.start_server()
            site.start_worker()
            yield site
    finally:
        site.stop_all()


def run(site: Site, workflow: str, *arguments: str) -> Any:
    """Run a workflow to its end; return what `--json` says of it."""
    done = site.starter(
        *("run", workflow, "--documents", str(site.documents), "--id", workflow, "--json"),
        *("--input", f"note={CANARY}", *arguments),
    )
    for command in ("status", "result", "watch"):
        site.starter(command, workflow)
    return json.loads(done.stdout)


def files_of(site: Site) -> dict[str, bytes]:
    """Return all that the installation has written, by the names of the files."""
    return {
        str(one.relative_to(site.folder)): one.read_bytes()
        for one in site.folder.rglob("*")
        if one.is_file()
    }


def spellings(text: str) -> set[bytes]:
    """Return a text in plain, in JSON, URL-encoded, and in base64 at each of the three offsets."""
    plain = {text, json.dumps(text)[1:-1], quote(text), quote(text, safe=""), quote_plus(text)}
    found = {one.encode() for one in plain}
    for one in plain:
        for offset in range(3):
            encoded = base64.b64encode(bytes(offset) + one.encode())
            found.add(encoded[-(-offset * 8 // 6) : (offset + len(one.encode())) * 8 // 6])
    return found | {one.replace(b"+", b"-").replace(b"/", b"_") for one in found}


def where(files: dict[str, bytes], text: str) -> set[str]:
    """Return the names of the files in which a text stands, in any spelling."""
    wanted = spellings(text)
    return {name for name, held in files.items() if any(one in held for one in wanted)}


def is_database(names: set[str]) -> bool:
    """Return whether the database, or its log, is among the files."""
    return any(name.startswith("temporal.db") for name in names)


def test_three_runs_leave_no_secret_behind(tmp_path: Path) -> None:
    """The same search finds a canary, in the database and the terminal, and no secret anywhere."""
    with site_of(tmp_path) as site:
        given = run(site, "by-input", "--secret", "key=of_input")
        assert given["status"] == "completed", given
        assert given["outputs"]["mirrored"]["note"] == CANARY
        assert given["outputs"]["mirrored"]["key"] == "*****"
        assert run(site, "by-scheme")["status"] == "completed"
        failed = run(site, "by-login")
        assert failed["error"]["type"] == "StepFailed", failed
        assert site.starter("secrets", str(site.documents)).returncode == 0
        assert site.stop("worker") == 0
        assert site.stop("server") == 0
        files = files_of(site)
    assert is_database(where(files, CANARY))
    assert "terminal.log" in where(files, CANARY)
    passwords = ("second-secret/with&more=signs",)
    for secret in (*SECRETS.values(), *passwords, TOKEN):
        assert where(files, secret) == set(), secret


@pytest.mark.parametrize("encrypt", [True, False], ids=["encrypted", "plain"])
def test_an_encrypted_database_shows_no_value(tmp_path: Path, *, encrypt: bool) -> None:
    """The note of a run is in the terminal, and in the database only where nothing encrypts it."""
    with site_of(tmp_path, **({"DURAZZO_ENCRYPT": "1"} if encrypt else {})) as site:
        assert run(site, "by-scheme")["outputs"]["mirrored"]["headers"]
        assert run(site, "by-login")["error"]["type"] == "StepFailed"
        assert site.stop("worker") == 0
        assert site.stop("server") == 0
        files = files_of(site)
    assert "terminal.log" in where(files, CANARY)
    assert is_database(where(files, "by-login"))
    assert is_database(where(files, CANARY)) is not encrypt
    assert is_database(where(files, "/refused")) is not encrypt
