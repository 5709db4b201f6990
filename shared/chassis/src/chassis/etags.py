"""ETag and If-Match on every mutable resource: 428 when it is missing, 412 when it is stale."""

from typing import Annotated

from fastapi import Depends, Header, Response

from chassis.problems import PreconditionRequired, Stale


def etag(version: int) -> str:
    """A version as a strong entity tag."""
    return f'"{version}"'


def tag(response: Response, version: int) -> None:
    """Send the entity tag along."""
    response.headers["ETag"] = etag(version)


async def expected_version(
    if_match: Annotated[str | None, Header(description="The ETag that was read")] = None,
) -> int:
    """The version that the client means to change."""
    if if_match is None:
        raise PreconditionRequired
    bare = if_match.strip().removeprefix("W/").strip('"')
    if not (bare.isascii() and bare.isdigit() and len(bare) < 19):
        raise Stale(f"If-Match {if_match[:80]!r} is not a tag that was given out here.")
    return int(bare)


IfMatch = Annotated[int, Depends(expected_version)]


def guard(*, expected: int, found: int) -> None:
    """Raise `Stale` unless the row is at the version that was read."""
    if expected != found:
        raise Stale(headers={"ETag": etag(found)}, current_version=found)
