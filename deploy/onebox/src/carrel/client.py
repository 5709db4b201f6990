"""The command's way to a running installation, in one box or distributed: by URL, with a key."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import typer

from carrel.installation import Installation

PATIENCE = 30.0
"""Seconds that a long job's watcher puts up with silence: a process that died is back sooner."""
ENDED = ("finished", "finished-with-errors", "failed", "cancelled")
INTERRUPTED = 130
UPLOAD = httpx.Timeout(60.0, write=None, read=None)
DOWNLOAD = httpx.Timeout(60.0, read=None)


class Client:
    """Asks the gateway; problems become words on standard error and exit code 1."""

    def __init__(self, url: str | None, key: str | None, data: str | None, *, as_json: bool) -> None:
        installation = Installation.at(data)
        self.as_json = as_json
        self.url = url or os.environ.get("CARREL_URL") or _read(installation.address_file)
        if self.url is None:
            fail(
                "Carrel is not running here: start it with `carrel up`, or name it with --url or CARREL_URL."
            )
        if not self.url.startswith(("http://", "https://")):
            fail(f"{self.url} is no address: say http://HOST:PORT.", 2)
        self.key = key or os.environ.get("CARREL_KEY") or _read(installation.admin_key_file)
        if self.key and not (self.key.isascii() and self.key.isprintable()):
            fail("The key has characters in it that no key has: was it copied whole?", 2)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        try:
            self._http = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        except (httpx.InvalidURL, ValueError) as error:
            fail(f"{self.url} is no address: {error}.", 2)

    def ask(self, method: str, path: str, *, patience: float = 0.0, **more: Any) -> httpx.Response:
        """One request; ends the command with the problem's words when it is refused."""
        headers = {**more.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        until = time.monotonic() + patience
        while True:
            try:
                answer = self._http.request(method, path, headers=headers, **more)
            except httpx.HTTPError as error:
                if time.monotonic() < until:
                    time.sleep(0.3)
                    continue
                fail(f"{self.url} does not answer: {str(error) or type(error).__name__}")
            if answer.status_code in (502, 503, 504) and time.monotonic() < until:
                time.sleep(0.3)
                continue
            if not answer.is_success:
                fail(_in_words(answer))
            return answer

    def get(self, path: str, *, patience: float = 0.0, **params: Any) -> Any:
        """The JSON at a path."""
        asked = {k: v for k, v in params.items() if v is not None}
        return self.told(self.ask("GET", path, patience=patience, params=asked))

    def post(self, path: str, told: Any) -> Any:
        """The JSON answer to a POST."""
        answer = self.ask("POST", path, json=told)
        return self.told(answer) if answer.content else None

    def put(self, path: str, told: Any, *, if_match: str | None = None, **params: Any) -> Any:
        """The JSON answer to a PUT."""
        headers = {"If-Match": if_match} if if_match is not None else {}
        return self.told(self.ask("PUT", path, json=told, params=params, headers=headers))

    def told(self, answer: httpx.Response) -> Any:
        """The object in an answer; whoever answers with anything else is not our gateway."""
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict):
            fail(f"{self.url} answers, but not as Carrel does: is it the gateway's address?")
        return told

    def readiness(self) -> str:
        """`ready`, or what the gateway says instead."""
        try:
            answer = self._http.get("/health/ready")
        except httpx.HTTPError as error:
            fail(f"{self.url} does not answer: {str(error) or type(error).__name__}")
        told = self.told(answer)
        return str(told.get("status") if answer.is_success else told.get("detail") or answer.status_code)

    def when_ended(self, job: Any, seen: Callable[[Any], None] = lambda job: None) -> Any:
        """An import's job when it has ended. Ctrl-C ends the waiting, not the import."""
        try:
            while job["state"] not in ENDED:
                time.sleep(0.3)
                job = self.get(f"/v1/imports/{job['id']}", patience=PATIENCE)
                seen(job)
        except KeyboardInterrupt:
            fail(f"Not waited for; the import goes on: GET {self.url}/v1/imports/{job['id']}", INTERRUPTED)
        return job

    def send_file(self, path: str, file: Path, media_type: str, **params: Any) -> Any:
        """Stream a file; the JSON answer."""

        def chunks() -> Iterator[bytes]:
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    yield chunk

        return self.told(
            self.ask(
                "POST",
                path,
                content=chunks(),
                params={k: v for k, v in params.items() if v is not None},
                headers={"Content-Type": media_type, "Content-Length": str(file.stat().st_size)},
                timeout=UPLOAD,
            )
        )

    def stream(self, path: str, out: Any, **params: Any) -> int:
        """Write an answer to a binary file as it comes; the bytes written."""
        written = 0
        told = {k: v for k, v in params.items() if v is not None}
        try:
            with self._http.stream("GET", path, params=told, timeout=DOWNLOAD) as answer:
                if not answer.is_success:
                    answer.read()
                    fail(_in_words(answer))
                for chunk in answer.iter_bytes():
                    out.write(chunk)
                    written += len(chunk)
        except httpx.HTTPError as error:
            fail(f"{self.url} does not answer: {str(error) or type(error).__name__}")
        return written


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip() or None
    except OSError:
        return None


def _in_words(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return f"{answer.status_code}: {' '.join(answer.text.split())[:300]}"
    lines = [told.get("detail") or told.get("title") or str(answer.status_code)]
    for reason in told.get("reasons", ()):
        place = f"{reason['pointer']}: " if reason.get("pointer") else ""
        mend = f" {reason['mend']}" if reason.get("mend") else ""
        lines.append(f"  {place}{reason['text']}{mend}")
    return "\n".join(lines)


def fail(text: str, code: int = 1) -> NoReturn:
    """End the command with words on standard error."""
    typer.echo(text, err=True)
    raise typer.Exit(code)
