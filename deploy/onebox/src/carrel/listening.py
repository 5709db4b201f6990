"""`carrel webhook listen`: a receiver on this machine, subscribed for as long as it runs, that verifies and prints."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import typer

from carrel.client import Client
from gateway.webhooks.signing import verified

LONGEST = 4 * 1024 * 1024
"""Bytes of a body."""
SECRET_SECONDS = 10.0
"""The challenge may be quicker than the answer that holds the secret."""


class Listener:
    """The receiver and what it has heard."""

    def __init__(self, host: str, port: int, *, as_json: bool, count: int | None) -> None:
        self.as_json, self.count = as_json, count
        self.secrets: list[str] = []
        self.known = threading.Event()
        self.done = threading.Event()
        self.seen: set[str] = set()
        self.printing = threading.Lock()
        self.server = ThreadingHTTPServer((host, port), _handler(self))
        self.server.daemon_threads = True

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server.server_address[:2]
        return f"http://{f'[{host!s}]' if ':' in str(host) else host!s}:{port}/"

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
        """Verify one delivery and print it; its status and what is said."""
        self.known.wait(SECRET_SECONDS)
        if not verified(self.secrets, headers, body, now=int(time.time())):
            typer.echo("A delivery with a wrong or old signature was refused.", err=True)
            return 401, {"error": "signature"}
        told = json.loads(body)
        if told["type"] == "webhook.verify":
            return 200, {"challenge": told["data"]["challenge"]}
        with self.printing:
            if headers["webhook-id"] not in self.seen and not self.done.is_set():
                self.seen.add(headers["webhook-id"])
                self._print(told, headers["webhook-id"], body)
            if self.count is not None and len(self.seen) >= self.count:
                self.done.set()
        return 200, {}

    def _print(self, told: dict[str, Any], message_id: str, body: bytes) -> None:
        if self.as_json:
            typer.echo(body.decode())
        else:
            typer.echo(f"{told['timestamp']}  {told['type']}  {told.get('subject', '-')}  {message_id}")
            typer.echo(f"  {json.dumps(told['data'], ensure_ascii=False)}")


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            if size > LONGEST:
                self.send_error(413)
                return
            body = self.rfile.read(size)
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = listener.answer(headers, body)
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as the base class calls it
            """Say nothing: what is heard is printed."""

    return Handler


def listen(
    client: Client, types: list[str], *, host: str, port: int, url: str | None, count: int | None
) -> None:
    """Subscribe, print what comes until told to stop (or so many have come), and unsubscribe."""
    listener = Listener(host, port, as_json=client.as_json, count=count)
    serving = threading.Thread(target=listener.server.serve_forever, daemon=True)
    serving.start()
    made = client.post(
        "/v1/webhooks",
        {"url": url or listener.url, "types": types, "description": "carrel webhook listen"},
    )
    try:
        listener.secrets = [secret["secret"] for secret in made["secrets"]]
        listener.known.set()
        typer.echo(f"Listening at {made['url']} for {', '.join(types)}; Ctrl-C ends it.", err=True)
        listener.done.wait()
    finally:
        client.ask("DELETE", f"/v1/webhooks/{made['id']}")
        listener.server.shutdown()
