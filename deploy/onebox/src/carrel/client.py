"""The command's way to a running installation, in one box or distributed: by URL, with a key."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import httpx
import typer

from carrel.installation import Installation


class Client:
    """Asks the gateway; problems become one line on standard error and exit code 1."""

    def __init__(self, url: str | None, key: str | None, data: str | None, *, as_json: bool) -> None:
        installation = Installation.at(data)
        self.as_json = as_json
        self.url = url or os.environ.get("CARREL_URL") or _read(installation.address_file)
        if self.url is None:
            fail(
                "Carrel is not running here: start it with `carrel up`, or name it with --url or CARREL_URL."
            )
        self.key = key or os.environ.get("CARREL_KEY") or _read(installation.admin_key_file)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        self._http = httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; ends the command with the problem's words when it is refused."""
        headers = {**more.pop("headers", {})}
        if method == "POST":
            headers.setdefault("Idempotency-Key", str(uuid4()))
        try:
            answer = self._http.request(method, path, headers=headers, **more)
        except httpx.HTTPError as error:
            fail(f"{self.url} does not answer: {error}")
        if not answer.is_success:
            fail(_in_words(answer))
        return answer

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path."""
        return self.ask("GET", path, params={k: v for k, v in params.items() if v is not None}).json()

    def post(self, path: str, told: Any) -> Any:
        """The JSON answer to a POST."""
        answer = self.ask("POST", path, json=told)
        return answer.json() if answer.content else None

    def put(self, path: str, told: Any, **params: Any) -> Any:
        """The JSON answer to a PUT."""
        return self.ask("PUT", path, json=told, params=params).json()

    def send_file(self, path: str, file: Path, media_type: str, **params: Any) -> httpx.Response:
        """Stream a file."""

        def chunks() -> Iterator[bytes]:
            with file.open("rb") as stream:
                while chunk := stream.read(1 << 20):
                    yield chunk

        return self.ask(
            "POST",
            path,
            content=chunks(),
            params={k: v for k, v in params.items() if v is not None},
            headers={"Content-Type": media_type, "Content-Length": str(file.stat().st_size)},
            timeout=None,
        )

    def stream(self, path: str, out: Any, **params: Any) -> int:
        """Write an answer to a binary file as it comes; the bytes written."""
        written = 0
        told = {k: v for k, v in params.items() if v is not None}
        try:
            with self._http.stream("GET", path, params=told, timeout=None) as answer:
                if not answer.is_success:
                    answer.read()
                    fail(_in_words(answer))
                for chunk in answer.iter_bytes():
                    out.write(chunk)
                    written += len(chunk)
        except httpx.HTTPError as error:
            fail(f"{self.url} does not answer: {error}")
        return written


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip() or None
    except OSError:
        return None


def _in_words(answer: httpx.Response) -> str:
    try:
        told = answer.json()
    except json.JSONDecodeError:
        return f"{answer.status_code}: {answer.text[:300]}"
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
