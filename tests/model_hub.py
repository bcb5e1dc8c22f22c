"""A model server of a test's own, on this machine: as much of the Hugging Face Hub as a download asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_letMeIn"


class ModelHub:
    """Serves a folder as one gated model. ``requests`` collects method, path and the first byte asked for."""

    def __init__(self, folder: Path, model_id: str) -> None:
        self.folder = folder
        self.model_id = model_id
        self.requests: list[tuple[str, str, int]] = []
        self.spoilt: set[str] = set()
        """Files that are served with another content than their checksum says."""
        self.url = ""

    def listing(self) -> dict[str, Any]:
        siblings: list[dict[str, Any]] = []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                item = {"rfilename": path.relative_to(self.folder).as_posix(), "size": len(content)}
                item["blobId"] = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                if path.suffix == ".safetensors":  # large files are kept beside git, known by their SHA-256
                    digest = hashlib.sha256(content).hexdigest()
                    item["lfs"] = {"sha256": digest, "size": len(content), "pointerSize": 134}
                siblings.append(item)
        return {"id": self.model_id, "modelId": self.model_id, "sha": COMMIT, "siblings": siblings}

    def content(self, name: str) -> bytes:
        content = (self.folder / name).read_bytes()
        return bytes(byte ^ 1 for byte in content) if name in self.spoilt else content


@contextmanager
def serve(folder: Path, model_id: str) -> Generator[ModelHub]:
    """Run the server on a free port until the block ends."""
    hub = ModelHub(folder, model_id)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def log_message(self, *args: Any) -> None:
            pass

        def _answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            hub.requests.append((self.command, path, begin))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._send(401, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "accept the licence"}, body)
            elif path == f"/api/models/{hub.model_id}":
                self._send(200, json.dumps(hub.listing()).encode(), {"Content-Type": "application/json"}, body)
            else:
                name = path.removeprefix(f"/{hub.model_id}/resolve/{COMMIT}/")
                content = hub.content(name)
                headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
                if "Range" in self.headers:
                    headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
                self._send(206 if "Range" in self.headers else 200, content[begin:], headers, body)

        def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for key, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
