"""A body of any size goes to a file, in pieces, and is safe on the disk before it is answered for."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from starlette.requests import ClientDisconnect

from chassis.problems import Invalid, Malformed, Reason, TooLarge, Unavailable

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that is complete."""

    path: Path
    size: int
    digest: str
    """SHA-256."""


def folder(data_dir: Path) -> Path:
    """Where uploads lie."""
    return data_dir / "uploads"


def place(data_dir: Path, job_id: UUID) -> Path:
    """A job's file."""
    return folder(data_dir) / str(job_id)


async def receive(
    chunks: AsyncIterator[bytes], data_dir: Path, job_id: UUID, *, limit: int, declared: str | None
) -> Upload:
    """Write what comes; nothing is left behind when it is too much, too little, or breaks off."""
    if declared is not None and declared.isascii() and declared.isdigit() and int(declared[:18]) > limit:
        raise too_large(limit)
    path = place(data_dir, job_id)
    part = path.with_suffix(".part")
    try:
        await asyncio.to_thread(folder(data_dir).mkdir, parents=True, exist_ok=True)
        with part.open("wb", buffering=0) as out:
            size, digest = await _copy(chunks, out, limit)
        if not size:
            raise Invalid(
                reasons=[Reason("empty-body", "The body is empty.", mend="Send the file as the body.")]
            )
        part.replace(path)
    except ClientDisconnect as error:
        raise Malformed("The upload broke off.") from error
    except OSError as error:
        raise Unavailable(f"The file cannot be kept: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return Upload(path, size, digest)


async def _copy(chunks: AsyncIterator[bytes], out: BinaryIO, limit: int) -> tuple[int, str]:
    digest, size, gathered = hashlib.sha256(), 0, bytearray()

    def put(piece: bytes) -> None:
        digest.update(piece)
        view = memoryview(piece)
        while view:
            view = view[out.write(view) :]

    async for chunk in chunks:
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        gathered += chunk
        if len(gathered) >= PIECE:
            await asyncio.to_thread(put, bytes(gathered))
            gathered.clear()
    await asyncio.to_thread(put, bytes(gathered))
    await asyncio.to_thread(os.fsync, out.fileno())
    return size, digest.hexdigest()


def too_large(limit: int) -> TooLarge:
    """The problem to raise."""
    return TooLarge(
        f"An import may have {limit} bytes here.",
        reasons=[
            Reason("upload-too-large", f"The limit is {limit} bytes.", mend="Send it in several files.")
        ],
    )


async def sweep(data_dir: Path, open_jobs: set[str], *, older_than: float) -> list[str]:
    """Remove files that no open job needs, once they have aged; their names."""

    def go() -> list[str]:
        gone = []
        for path in folder(data_dir).glob("*") if folder(data_dir).is_dir() else ():
            if path.stem not in open_jobs and path.stat().st_mtime < older_than:
                path.unlink(missing_ok=True)
                gone.append(path.name)
        return gone

    return await asyncio.to_thread(go)
