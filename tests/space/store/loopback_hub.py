"""A small Hugging Face Hub on loopback: enough of it for commits, listings and downloads.

Every commit is a new revision that is there as a whole or not at all. Trouble can be ordered:
the next so many commits are answered with a status, or the line is cut before or after they count.
"""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

_DATASET = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"


class LoopbackHub:
    """One repository's revisions, and the orders for trouble."""

    def __init__(self) -> None:
        self.revisions: list[dict[str, bytes]] = []
        self.uploads: list[str] = []
        self.trouble: list[str] = []  # "429", "500", "cut before", "cut after"
        self.url = ""

    @property
    def files(self) -> dict[str, bytes]:
        return self.revisions[-1] if self.revisions else {}

    def sha(self, revision: str = "main") -> str:
        """A commit's name: 40 hex digits."""
        count = len(self.revisions)
        return revision if len(revision) == 40 else f"{count:040x}"

    def at(self, revision: str) -> dict[str, bytes]:
        number = int(self.sha(unquote(revision)), 16)
        return self.revisions[number - 1] if number else {}

    def commit(self, lines: list[dict]) -> None:
        files = dict(self.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                assert value["encoding"] == "base64"
                files[value["path"]] = base64.b64decode(value["content"])
                self.uploads.append(value["path"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        self.revisions.append(files)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub

    def log_message(self, *_: object) -> None:
        """Be quiet."""

    def answer(self, body: object, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def missing(self) -> None:
        self.answer({"error": "not found"}, 404, X_Error_Code="EntryNotFound")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            wanted = json.loads(body)
            name = f"{wanted.get('organization') or 'ann'}/{wanted['name']}"
            self.answer({"url": f"{self.hub.url}/datasets/{name}", "name": name})
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif re.fullmatch(_DATASET + r"/preupload/[^/]+", path):
            names = [file["path"] for file in json.loads(body)["files"]]
            plan = [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]
            self.answer({"files": plan})
        elif re.fullmatch(_DATASET + r"/commit/[^/]+", path):
            self.commit([json.loads(line) for line in body.splitlines()])
        else:
            self.missing()

    def commit(self, lines: list[dict]) -> None:
        trouble = self.hub.trouble.pop(0) if self.hub.trouble else ""
        if trouble.isdigit():
            self.answer({"error": "busy"}, int(trouble))
            return
        if trouble != "cut before":
            self.hub.commit(lines)
        if trouble:
            self.close_connection = True
            self.connection.close()
            return
        url = f"{self.hub.url}/datasets/ann/masks/commit/{self.hub.sha()}"
        self.answer({"success": True, "commitOid": self.hub.sha(), "commitUrl": url})

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(_DATASET + r"(/revision/(?P<revision>.+))?", path):
            revision = found["revision"] or "main"
            names = [{"rfilename": name} for name in sorted(self.hub.at(revision))]
            self.answer(
                {"id": found["repo"], "sha": self.hub.sha(revision), "siblings": names,
                 "private": False, "disabled": False, "gated": False, "tags": [], "downloads": 0}
            )  # fmt: skip
        elif found := re.fullmatch(_DATASET + r"/tree/(?P<revision>[^/]+)/?(?P<below>.*)", path):
            self.tree(found["revision"], found["below"], "recursive=true" in self.path.lower())
        elif found := re.fullmatch(
            r"/datasets/[^/]+/[^/]+/resolve/(?P<revision>[^/]+)/(?P<name>.+)", path
        ):
            data = self.hub.at(found["revision"]).get(found["name"])
            if data is None:
                self.missing()
                return
            tag = f'"{hashlib.sha256(data).hexdigest()}"'
            self.answer(data, ETag=tag, X_Repo_Commit=self.hub.sha(found["revision"]))
        else:
            self.missing()

    do_HEAD = do_GET  # noqa: N815

    def tree(self, revision: str, below: str, recursive: bool) -> None:
        entries: dict[str, dict] = {}
        prefix = f"{below}/" if below else ""
        for name, data in sorted(self.hub.at(revision).items()):
            if not name.startswith(prefix):
                continue
            head, slash, _ = name.removeprefix(prefix).partition("/")
            if slash and not recursive:
                entries[head] = {"type": "directory", "path": prefix + head, "oid": "0", "size": 0}
            else:
                oid = hashlib.sha1(data, usedforsecurity=False).hexdigest()
                entries[name] = {"type": "file", "path": name, "oid": oid, "size": len(data)}
        if below and not entries:
            self.missing()
        else:
            self.answer(list(entries.values()))


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """A Hub that runs as long as the block."""
    hub = LoopbackHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
