"""A real browser, driven over its debugging socket; tests that need it run with CARREL_BROWSER=1 where one is."""

import asyncio
import base64
import itertools
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

wanted = pytest.mark.skipif(
    os.environ.get("CARREL_BROWSER") != "1" or shutil.which("chromium") is None,
    reason="asks a real browser: CARREL_BROWSER=1, and chromium on the path",
)


class Tab:
    """One page of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.said: list[str] = []
        """What the page wrote to its console, and what went wrong there."""
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if told.get("id") in self._waiting:
                self._waiting.pop(told["id"]).set_result(told)
            elif told.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.said.append(json.dumps(told["params"])[:600])

    async def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have it do something."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        told = await asyncio.wait_for(self._waiting[number], 20)
        assert "error" not in told, told
        return dict(told["result"])

    async def tell(self, script: str) -> Any:
        """What an expression comes to on the page; a promise is waited for."""
        told = await self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def go(self, url: str) -> None:
        """Open an address, wholly."""
        await self.do("Page.navigate", url=url)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def until(self, script: str, seconds: float = 10) -> None:
        """Wait until something is so on the page."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    told = await self.do("Runtime.evaluate", expression=script, returnByValue=True)
                    if told["result"].get("value") is True:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            seen = await self.tell("location.href + '\\n' + document.body.innerText")
            raise AssertionError(f"never so: {script}\n{seen}\n{self.said}") from None

    async def fill(self, form: str, press: str, **fields: str) -> None:
        """Fill a form in and press one of its buttons."""
        for name, value in fields.items():
            field = f"document.querySelector({json.dumps(f'{form} [name={name}]')})"
            await self.tell(f"{field}.value = {json.dumps(value)}")
        await self.tell(f"document.querySelector({json.dumps(f'{form} {press}')}).click()")

    async def picture(self, name: str, width: int, height: int = 900) -> None:
        """Keep how it looks at this width, in the folder CARREL_PICTURES, where that is named."""
        await self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        wide = await self.tell("document.documentElement.scrollWidth <= innerWidth")
        assert wide is True, f"{name} has to be pushed sideways at {width}"
        if folder := os.environ.get("CARREL_PICTURES"):
            told = await self.do("Page.captureScreenshot", format="png", captureBeyondViewport=True)
            (Path(folder) / f"{name}-{width}.png").write_bytes(base64.b64decode(told["data"]))


@asynccontextmanager
async def browser(folder: Path, *arguments: str) -> AsyncIterator[Tab]:
    """A browser with nothing in it, and its one tab."""
    process = await asyncio.create_subprocess_exec(
        "chromium",
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"),
        *(f"--user-data-dir={folder}", "--disable-dev-shm-usage", *arguments, "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        port = ""
        while not port:
            line = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
            if "DevTools listening on ws://127.0.0.1:" in line:
                port = line.partition("127.0.0.1:")[2].partition("/")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.do(f"{domain}.enable")
                yield tab
                tab.reading.cancel()
    finally:
        process.terminate()
        await process.wait()
