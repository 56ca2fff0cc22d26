"""A model hub on this machine: the few addresses that an upload and a download use."""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_of_the_test"
COMMIT = "c" * 40


class Hub(ThreadingHTTPServer):
    """The hub: files by repository and path, and which repositories are private."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.files: dict[str, dict[str, bytes]] = {}
        self.visibility: dict[str, object] = {}
        self.blobs: dict[str, bytes] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def running_hub() -> Iterator[Hub]:
    """Yields a hub that answers until the block ends."""
    hub = Hub()
    thread = Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._file(with_content=False)

    def do_GET(self) -> None:
        self._file(with_content=True)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        assert hashlib.sha256(content).hexdigest() == self.path.rpartition("/")[2]
        self.server.blobs[self.path.rpartition("/")[2]] = content
        self._send(200, {})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(401, {"error": "Invalid credentials"})
            return
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            self._create(json.loads(content))
        elif path == "/api/validate-yaml":
            self._send(200, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(content)["files"]
            ]
            self._send(200, {"files": modes})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                entry | {"actions": {"upload": {"href": f"{self.server.address}/{entry['oid']}"}}}
                for entry in json.loads(content)["objects"]
            ]
            self._send(200, {"objects": objects, "transfer": "basic"})
        elif "/commit/" in path:
            repository = path.removeprefix("/api/models/").partition("/commit/")[0]
            self._commit(repository, [json.loads(line) for line in content.splitlines()])
        else:
            self._send(404, {"error": path})

    def _create(self, asked: dict[str, Any]) -> None:
        repository = f"{asked['organization']}/{asked['name']}"
        url = f"{self.server.address}/{repository}"
        if repository in self.server.files:
            self._send(409, {"error": "exists", "url": url})
            return
        self.server.files[repository] = {}
        private = asked.get("visibility") == "private" or asked.get("private") is True
        self.server.visibility[repository] = "private" if private else "public"
        self._send(200, {"url": url, "name": repository})

    def _commit(self, repository: str, lines: list[dict[str, Any]]) -> None:
        files = self.server.files[repository]
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
        url = f"{self.server.address}/{repository}/commit/{COMMIT}"
        self._send(200, {"success": True, "commitUrl": url, "commitOid": COMMIT})

    def _file(self, *, with_content: bool) -> None:
        repository, _, path = self.path.strip("/").partition("/resolve/main/")
        content = self.server.files.get(repository, {}).get(path)
        if content is None:
            known = repository in self.server.files
            self._send(404, {"error": path}, **{"X-Error-Code": _missing(known)})
            return
        etag = hashlib.sha256(content).hexdigest()
        self.send_response(200)
        self.send_header("ETag", f'"{etag}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_content:
            self.wfile.write(content)

    def _send(self, status: int, answer: dict[str, Any], **headers: str) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


def _missing(known: bool) -> str:
    return "EntryNotFound" if known else "RepoNotFound"
