"""Whether this process declares routes: one that answers no requests is ready a third sooner without them."""

from typing import Any

from fastapi import APIRouter

_declares = True


def nothing() -> None:
    """Declare no routes from now on. Said before a service is imported, by roles other than serving."""
    global _declares
    _declares = False


def router_class() -> type[APIRouter]:
    """What new routers are."""
    return APIRouter if _declares else _Silent


class _Silent(APIRouter):
    """Takes no routes; what would have answered them stays an ordinary function."""

    def add_api_route(self, path: str, endpoint: Any, **more: Any) -> None:
        """Leave it."""
