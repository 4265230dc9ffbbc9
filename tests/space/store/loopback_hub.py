"""A small Hugging Face Hub on loopback: commits, large files, listings and downloads.

Every commit is a new revision that is there as a whole or not at all. Parquet files come in as the
real Hub takes them from a client without Xet: named to the LFS batch endpoint, put one by one,
verified, and only then committed by their SHA-256.

Trouble can be ordered for the next requests of one kind (`preupload`, `batch`, `put`, `commit`,
`list`, `resolve`, `create`): an HTTP status, "cut before" and "cut after" the request counts, or
"hang before" and "hang after", which let the client wait until its patience ends.
"""

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import huggingface_hub.constants
from huggingface_hub import HfApi

from space.store.connection import connect

_DATASET = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"
_BATCH = r"/datasets/[^/]+/[^/]+\.git/info/lfs/objects/batch"


class LoopbackHub:
    """One repository's revisions, its large files, and the orders for trouble."""

    def __init__(self) -> None:
        self.revisions: list[dict[str, bytes]] = []
        self.blobs: dict[str, bytes] = {}
        self.uploads: list[str] = []
        self.trouble: dict[str, list[str]] = defaultdict(list)
        self.chance: Callable[[str], str] = lambda kind: ""  # trouble that nobody ordered
        self.retry_after = "0"
        self.hang_seconds = 3.0
        self.requests: list[str] = []
        self.exists = False
        self.lock = threading.Lock()
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
        with self.lock:
            files = dict(self.files)
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    assert value["encoding"] == "base64"
                    files[value["path"]] = base64.b64decode(value["content"])
                    self.uploads.append(value["path"])
                elif line["key"] == "lfsFile":
                    assert value["path"] not in files, f"{value['path']} is pushed twice"
                    files[value["path"]] = self.blobs[value["oid"]]
                    self.uploads.append(value["path"])
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
            self.revisions.append(files)

    def squash(self) -> None:
        """Forget all revisions but the newest, and the large files that only those had."""
        with self.lock:
            self.revisions = self.revisions[-1:]
            kept = set(self.files.values())
            self.blobs = {oid: data for oid, data in self.blobs.items() if data in kept}


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

    def missing(self, code: str = "EntryNotFound") -> None:
        self.answer({"error": "not found"}, 404, X_Error_Code=code)

    def handle_as(self, kind: str, act: Callable[[], Callable[[], None]]) -> None:
        """Carry a request out, with the trouble that was ordered for its kind.

        Args:
            kind: Of the request.
            act: Does what counts, and returns what answers.
        """
        self.hub.requests.append(kind)
        orders = self.hub.trouble[kind]
        trouble = orders.pop(0) if orders else self.hub.chance(kind)
        if trouble.isdigit():
            self.answer({"error": "busy"}, int(trouble), Retry_After=self.hub.retry_after)
            return
        if trouble.endswith("before"):
            self.leave(trouble)
            return
        answering = act()
        if trouble.endswith("after"):
            self.leave(trouble)
            return
        answering()

    def leave(self, trouble: str) -> None:
        if trouble.startswith("hang"):
            time.sleep(self.hub.hang_seconds)
        self.close_connection = True
        self.connection.close()

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def do_POST(self) -> None:
        body = self.body()
        path = urlsplit(self.path).path
        if path == "/api/repos/create":
            self.handle_as("create", lambda: self.create(json.loads(body)))
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif re.fullmatch(_DATASET + r"/preupload/[^/]+", path):
            self.handle_as("preupload", lambda: self.plan(json.loads(body)))
        elif re.fullmatch(_BATCH, path):
            self.handle_as("batch", lambda: self.batch(json.loads(body)))
        elif path == "/lfs-verify":
            wanted = json.loads(body)
            known = len(self.hub.blobs.get(wanted["oid"], b"")) == wanted["size"]
            self.answer({}, 200 if known else 404)
        elif re.fullmatch(_DATASET + r"/super-squash/[^/]+", path):
            self.hub.squash()
            self.answer({})
        elif re.fullmatch(_DATASET + r"/commit/[^/]+", path):
            lines = [json.loads(line) for line in body.splitlines()]
            self.handle_as("commit", lambda: self.commit(lines))
        else:
            self.missing()

    def do_PUT(self) -> None:
        data, oid = self.body(), self.path.rsplit("/", 1)[1]
        assert hashlib.sha256(data).hexdigest() == oid

        def store() -> Callable[[], None]:
            self.hub.blobs[oid] = data
            return lambda: self.answer(b"")

        self.handle_as("put", store)

    def create(self, wanted: dict) -> Callable[[], None]:
        self.hub.exists = True
        name = f"{wanted.get('organization') or 'ann'}/{wanted['name']}"
        return lambda: self.answer({"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def plan(self, wanted: dict) -> Callable[[], None]:
        plan = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                "shouldIgnore": False,
            }
            for file in wanted["files"]
        ]
        return lambda: self.answer({"files": plan})

    def batch(self, wanted: dict) -> Callable[[], None]:
        objects = []
        for one in wanted["objects"]:
            entry = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.hub.blobs:
                entry["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs/{one['oid']}"},
                    "verify": {"href": f"{self.hub.url}/lfs-verify"},
                }
            objects.append(entry)
        return lambda: self.answer({"transfer": "basic", "objects": objects})

    def commit(self, lines: list[dict]) -> Callable[[], None]:
        self.hub.commit(lines)
        url = f"{self.hub.url}/datasets/ann/masks/commit/{self.hub.sha()}"
        done = {"success": True, "commitOid": self.hub.sha(), "commitUrl": url}
        return lambda: self.answer(done)

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(_DATASET + r"(/revision/(?P<revision>.+))?", path):
            revision = found["revision"] or "main"
            self.handle_as("list", lambda: lambda: self.describe(found["repo"], revision))
        elif found := re.fullmatch(_DATASET + r"/tree/(?P<revision>[^/]+)/?(?P<below>.*)", path):
            recursive = "recursive=true" in self.path.lower()
            self.handle_as(
                "list", lambda: lambda: self.tree(found["revision"], found["below"], recursive)
            )
        elif found := re.fullmatch(
            r"/datasets/[^/]+/[^/]+/resolve/(?P<revision>[^/]+)/(?P<name>.+)", path
        ):
            self.handle_as("resolve", lambda: lambda: self.send(found["revision"], found["name"]))
        else:
            self.missing()

    do_HEAD = do_GET  # noqa: N815

    def describe(self, repo: str, revision: str) -> None:
        if not (self.hub.exists or self.hub.revisions):
            self.missing("RepoNotFound")
            return
        names = [{"rfilename": name} for name in sorted(self.hub.at(revision))]
        self.answer(
            {"id": repo, "sha": self.hub.sha(revision), "siblings": names, "private": False,
             "disabled": False, "gated": False, "tags": [], "downloads": 0}
        )  # fmt: skip

    def send(self, revision: str, name: str) -> None:
        data = self.hub.at(revision).get(name)
        if data is None:
            self.missing()
            return
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        self.answer(data, ETag=tag, X_Repo_Commit=self.hub.sha(revision))

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed in the middle of a request is nothing to report."""
        if not isinstance(sys.exception(), ConnectionError | ValueError):
            super().handle_error(request, client_address)


def client(url: str, silence: float = 2.0) -> HfApi:
    """The real client, without Xet: large files go in through LFS, which this Hub understands."""
    huggingface_hub.constants.HF_HUB_DISABLE_XET = True
    return connect(url, "hf_test", silence)


@contextmanager
def loopback_hub() -> Iterator[LoopbackHub]:
    """A Hub that runs as long as the block."""
    hub = LoopbackHub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = _Server(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
