"""The API page: OpenAPI and AsyncAPI documents, event schemas, and a page that works without the internet."""

import asyncio
import importlib.resources
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from starlette.responses import FileResponse

from chassis.application import new_router
from chassis.asyncapi import asyncapi_document, event_schema
from chassis.endings import PAGE as ENDINGS
from chassis.json import Json
from chassis.problems import NotFound
from contracts.events import UnknownEventType, event_type
from gateway.portal import reference
from gateway.portal.typed import python, typescript
from gateway.tongues import spoken_to

router = new_router(tag="documentation")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Carrel API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
START = """window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  tryItOutEnabled: true,
  persistAuthorization: false,
  validatorUrl: null,
  requestInterceptor: async (request) => {
    const safe = ["GET", "HEAD", "OPTIONS"].includes((request.method || "GET").toUpperCase());
    if (!safe && !request.headers.Authorization) {
      const session = await fetch("/v1/session");
      if (session.ok) request.headers["CSRF-Token"] = (await session.json()).csrf_token;
    }
    return request;
  }
});
"""
"""Whoever is signed in in the browser tries things as themselves; a change proves that it comes from this page."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js"})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """OpenAPI 3.1 of all services. While one is away its part is missing, and `x-carrel-away` names it."""
    whole = await request.app.state.whole_document.now()
    headers = {"Cache-Control": "no-store"} if whole.away else None
    return Response(whole.content, media_type="application/json", headers=headers)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi() -> Response:
    """AsyncAPI 3.0 of the events."""
    return Json(asyncapi_document())


@router.get("/schemas/events/{name}.json", include_in_schema=False)
async def schema(name: str) -> Any:
    """The JSON Schema of an event's data."""
    try:
        return Json(event_schema(event_type(name)), media_type="application/schema+json")
    except UnknownEventType:
        raise NotFound(f"There is no event {name}.") from None


DOORS = (
    ("/docs", "docs"),
    ("/developers/clients/carrel_client.py", "python"),
    ("/developers/clients/carrel.ts", "typescript"),
    (ENDINGS, "endings"),
    ("/developers/events", "events"),
    ("/developers/keys", "keys"),
    ("/developers/webhooks", "webhooks"),
    ("/developers/requests", "requests"),
)
"""What is to be found from the first page: where, and the key of what is said of it."""


@router.get("/developers", include_in_schema=False)
async def developers(request: Request) -> Response:
    """The integrators' first page."""
    return reference.start(spoken_to(request), DOORS)


@router.get("/developers/events", include_in_schema=False)
async def events_reference(request: Request) -> Response:
    """Every event."""
    return reference.events(spoken_to(request))


@router.get("/developers/events/{name}", include_in_schema=False)
async def event_reference(request: Request, name: str) -> Response:
    """One event, field by field."""
    try:
        return reference.event(spoken_to(request), event_type(name))
    except UnknownEventType:
        raise NotFound(f"There is no event {name}.") from None


@router.get(ENDINGS, include_in_schema=False)
async def endings(request: Request) -> Response:
    """Which operations end, and what stands in their place."""
    document = (await request.app.state.whole_document.now()).document
    return reference.endings(spoken_to(request), document)


CLIENTS = {
    "carrel_client.py": (python.module, "text/x-python"),
    "carrel.ts": (typescript.module, "text/plain"),
}


@router.get("/developers/clients/{name}", include_in_schema=False)
async def client_code(request: Request, name: str) -> Response:
    """A client with types for what is installed here, one file: `carrel_client.py` or `carrel.ts`."""
    if name not in CLIENTS:
        raise NotFound("There are carrel_client.py and carrel.ts.")
    make, media_type = CLIENTS[name]
    told = await asyncio.to_thread(make, (await request.app.state.whole_document.now()).document)
    return Response(told, media_type=media_type)


@router.get("/docs", include_in_schema=False)
async def page() -> Response:
    """The API page."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/start.js", include_in_schema=False)
async def start() -> Response:
    """What the page runs; a file of its own, so that the content security policy needs no exception."""
    return Response(START, media_type="text/javascript")


@router.get("/docs/assets/{name}", include_in_schema=False)
async def asset(name: str) -> Response:
    """Swagger UI's files, from the package that carries them."""
    if name not in ASSETS:
        raise NotFound
    found = importlib.resources.files("fastapi_offline") / "static" / name
    return FileResponse(str(found), headers={"Cache-Control": "public, max-age=86400"})
