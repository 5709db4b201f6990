"""Whom we trust, kept up to date: documents given by hand, signed aggregates, and servers asked for one entity.

What a source gave last stays in use until its own validUntil, however often the next fetch fails; after that nobody
signs in by it any more. A document that is unsigned, signed by another, out of date or unreadable changes nothing.
"""

import asyncio
import hashlib
import logging
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import asyncpg
import httpx
import orjson

from chassis import faults
from gateway.saml.markup import METADATA_LIMIT
from gateway.saml.providers import Document, IdentityProvider, MetadataRefused, adjusted, read
from gateway.saml.work import Workshop
from gateway.signon.documents import AggregateSource, FileSource, ProviderDoc, QuerySource, SignOnDoc, Source

log = logging.getLogger(__name__)

FETCH_SECONDS = 10.0
"""How long a server may say nothing."""
WHOLE_SECONDS = 60.0
"""How long a whole document may take."""
MISSING_FOR = timedelta(minutes=10)
"""How long it is remembered that a server does not know an entity."""
MISSING_AT_MOST = 1000
MOST_WORDS = 200
QUERIED_EVERY = timedelta(hours=1)
RETRY_AFTER = timedelta(minutes=5)
REFRESHED_AT_ONCE = 200
"""Entities of MDQ servers that one round asks for again."""

Fetched = tuple[bytes | None, dict[str, str]]
"""A document and what the server called this version; no document: it is still the same."""


def client() -> httpx.AsyncClient:
    """Fetches metadata: no redirect, no proxy of the environment. What is fetched proves itself by its signature."""
    return httpx.AsyncClient(
        transport=_WhenAsked(), timeout=FETCH_SECONDS, trust_env=False, follow_redirects=False
    )


class _WhenAsked(httpx.AsyncBaseTransport):
    """Opens nothing before it is asked for something: most installations fetch nothing, and each start read all the
    certificates that are trusted.
    """

    def __init__(self) -> None:
        self._asked: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Ask."""
        if self._asked is None:
            self._asked = httpx.AsyncHTTPTransport(trust_env=False)
        return await self._asked.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections, if any was opened."""
        if self._asked is not None:
            await self._asked.aclose()


async def fetch(http: httpx.AsyncClient, url: str, tags: Mapping[str, str]) -> Fetched:
    """A document, unless it is the one that these tags name; `MetadataRefused` when there is none."""
    headers = {"Accept": "application/samlmetadata+xml"}
    headers |= {"If-None-Match": tags["etag"]} if tags.get("etag") else {}
    headers |= {"If-Modified-Since": tags["modified"]} if tags.get("modified") else {}
    try:
        async with asyncio.timeout(WHOLE_SECONDS), http.stream("GET", url, headers=headers) as answer:
            if answer.status_code == 304 and tags:
                return None, dict(tags)
            if answer.status_code == 404:
                raise NotThere
            if answer.status_code != 200:
                raise MetadataRefused(f"The server answered {answer.status_code}.")
            parts, size = [], 0
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > METADATA_LIMIT:
                    raise MetadataRefused("The document is larger than is taken.")
                parts.append(part)
            told = {
                "etag": answer.headers.get("etag", ""),
                "modified": answer.headers.get("last-modified", ""),
            }
            return b"".join(parts), {name: value for name, value in told.items() if value}
    except (httpx.HTTPError, TimeoutError) as error:
        raise MetadataRefused(f"It could not be fetched: {type(error).__name__}.") from None
    except (httpx.InvalidURL, ValueError):
        raise MetadataRefused("Its address cannot be asked.") from None


class NotThere(MetadataRefused):
    """The server does not know the entity."""

    def __init__(self) -> None:
        super().__init__("The server does not have it.")


def decided(
    provider: IdentityProvider, said: Mapping[str, ProviderDoc]
) -> tuple[IdentityProvider, bool, bool]:
    """A provider as this library wants it, whether it is named, and whether it is hidden."""
    each = said.get(provider.entity_id)
    if each is None:
        return provider, False, provider.hidden
    scopes = None if each.scopes is None else tuple(each.scopes)
    changed = adjusted(provider, allow_cbc=each.allow_cbc, scopes=scopes, name=each.name)
    return changed, True, each.hidden


def _said(doc: SignOnDoc) -> dict[str, ProviderDoc]:
    return {each.entity_id: each for each in doc.identity_providers}


def _fingerprint(source: Source, doc: SignOnDoc) -> bytes:
    """What the kept rows of a source depend on, beside the document itself."""
    told = [source.model_dump(), [each.model_dump() for each in doc.identity_providers]]
    return hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()


async def refresh(
    pool: asyncpg.Pool, workshop: Workshop, http: httpx.AsyncClient, doc: SignOnDoc, *, now: datetime
) -> None:
    """Bring every source up to date that is due; one that fails harms no other."""
    names = [source.name for source in doc.sources]
    await pool.execute("DELETE FROM saml_source WHERE name <> ALL($1::text[])", names)
    for ordinal, source in enumerate(doc.sources):
        settings = _fingerprint(source, doc)
        row = await pool.fetchrow(_STATE, source.name, settings) or await pool.fetchrow(
            "INSERT INTO saml_source (name, settings) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET "
            "tags = CASE WHEN saml_source.settings = $2 THEN saml_source.tags ELSE '{}' END, "
            "tried_at = CASE WHEN saml_source.settings = $2 THEN saml_source.tried_at END, "
            "digest = CASE WHEN saml_source.settings = $2 THEN saml_source.digest END, settings = $2 "
            "RETURNING tags, tried_at, digest, failure",
            source.name,
            settings,
        )
        assert row is not None
        try:
            if isinstance(source, QuerySource):
                await _refresh_queried(pool, workshop, http, source, doc, ordinal, row, now=now)
            elif _due(source, row, now):
                await _refresh_whole(pool, workshop, http, source, doc, ordinal, row, now=now)
        except MetadataRefused as error:
            await _failed(pool, source.name, str(error), now)
        except (OSError, asyncpg.PostgresError) as error:
            await _failed(pool, source.name, f"It could not be kept: {faults.told(error)}", now)
    await pool.execute(
        "DELETE FROM saml_provider WHERE valid_until <= $1",
        now,
    )


_STATE = "SELECT tags, tried_at, digest, failure FROM saml_source WHERE name = $1 AND settings = $2"


def _due(source: FileSource | AggregateSource, row: asyncpg.Record, now: datetime) -> bool:
    if row["tried_at"] is None:
        return True
    if isinstance(source, FileSource):
        return False
    every = RETRY_AFTER if row["failure"] else timedelta(minutes=source.every_minutes)
    return bool(now - row["tried_at"] >= every)


async def _failed(pool: asyncpg.Pool, name: str, why: str, now: datetime) -> None:
    log.warning("a source of SAML metadata was not taken", extra={"source": name, "why": why})
    await pool.execute(
        "UPDATE saml_source SET tried_at = $2, failure = $3, failing_since = coalesce(failing_since, $2) "
        "WHERE name = $1",
        name,
        now,
        why[:500],
    )


async def _refresh_whole(
    pool: asyncpg.Pool,
    workshop: Workshop,
    http: httpx.AsyncClient,
    source: FileSource | AggregateSource,
    doc: SignOnDoc,
    ordinal: int,
    row: asyncpg.Record,
    *,
    now: datetime,
) -> None:
    tags: dict[str, str] = row["tags"]
    if isinstance(source, FileSource):
        data: bytes | None = source.metadata.encode()
        certificates = [source.certificate.encode()] if source.certificate else []
        longest = None
    else:
        data, tags = await fetch(http, source.url, tags)
        certificates, longest = [source.certificate.encode()], timedelta(days=source.longest_validity_days)
    if data is None:
        await _same(pool, source.name, now)
        return
    digest = hashlib.sha256(data).digest()
    document = await workshop.do(read, data, certificates=certificates, longest=longest, now=now)
    for passed in document.passed_over[:20]:
        log.info("an identity provider was passed over", extra={"source": source.name, "which": passed})
    if row["digest"] == digest:
        await _same(pool, source.name, now)
        return
    rows = await workshop.do(_rows, source, document, _said(doc), ordinal)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM saml_provider WHERE source = $1", source.name)
        await connection.executemany(_KEEP, rows)
        await connection.execute(
            "UPDATE saml_source SET fetched_at = $2, tried_at = $2, valid_until = $3, tags = $4, digest = $5, "
            "providers = $6, failure = NULL, failing_since = NULL WHERE name = $1",
            source.name,
            now,
            document.valid_until,
            tags,
            digest,
            len(rows),
        )


async def _same(pool: asyncpg.Pool, name: str, now: datetime) -> None:
    await pool.execute(
        "UPDATE saml_source SET tried_at = $2, fetched_at = $2, failure = NULL, failing_since = NULL WHERE name = $1",
        name,
        now,
    )


def _rows(
    source: Source, document: Document, said: Mapping[str, ProviderDoc], ordinal: int
) -> list[tuple[Any, ...]]:
    """What is kept of a document: each entity once, the first time that it stands there."""
    by_id: dict[str, IdentityProvider] = {}
    for provider in document.providers:
        by_id.setdefault(provider.entity_id, provider)
    return [_row(source, each, said, ordinal, document.valid_until, None) for each in by_id.values()]


_KEEP = """
INSERT INTO saml_provider (source, entity_id, ordinal, label, hidden, admitted, valid_until, asked_again_at,
                           document, search)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, array_to_tsvector($10))
ON CONFLICT (source, entity_id) DO UPDATE SET ordinal = excluded.ordinal, label = excluded.label,
    hidden = excluded.hidden, admitted = excluded.admitted, valid_until = excluded.valid_until,
    asked_again_at = excluded.asked_again_at, document = excluded.document, search = excluded.search
"""


def words_in(told: str) -> list[str]:
    """Words to search by, each once: letters and digits alone, without case and marks."""
    folded = unicodedata.normalize("NFKD", told).casefold()
    plain = "".join(
        letter if letter.isalnum() else " " for letter in folded if not unicodedata.combining(letter)
    )
    return list(dict.fromkeys(plain.split()))


def _row(
    source: Source,
    provider: IdentityProvider,
    said: Mapping[str, ProviderDoc],
    ordinal: int,
    valid_until: datetime | None,
    asked_again_at: datetime | None,
) -> tuple[Any, ...]:
    changed, named, hidden = decided(provider, said)
    admitted = named or isinstance(source, FileSource) or source.admit == "all"
    words = " ".join([*changed.names.values(), *changed.keywords, *changed.scopes])
    return (
        source.name,
        changed.entity_id,
        ordinal,
        changed.named("en")[:300],
        hidden,
        admitted,
        valid_until,
        asked_again_at,
        changed.as_json(),
        words_in(words)[:MOST_WORDS],
    )


async def _ask(
    workshop: Workshop, http: httpx.AsyncClient, source: QuerySource, entity_id: str, *, now: datetime
) -> tuple[IdentityProvider, datetime | None]:
    """One entity from an MDQ server (draft-young-md-query §3): by its name, percent-encoded."""
    address = f"{source.url.rstrip('/')}/entities/{quote(entity_id, safe='')}"
    data, _ = await fetch(http, address, {})
    assert data is not None
    document = await workshop.do(
        read,
        data,
        certificates=[source.certificate.encode()],
        longest=timedelta(days=source.longest_validity_days),
        now=now,
    )
    found = [each for each in document.providers if each.entity_id == entity_id]
    if len(found) != 1:
        raise MetadataRefused("The server gave another entity than it was asked for.")
    return found[0], document.valid_until


async def _refresh_queried(
    pool: asyncpg.Pool,
    workshop: Workshop,
    http: httpx.AsyncClient,
    source: QuerySource,
    doc: SignOnDoc,
    ordinal: int,
    row: asyncpg.Record,
    *,
    now: datetime,
) -> None:
    """Ask again for what is kept and due; what the server no longer knows goes."""
    await pool.execute(
        "DELETE FROM saml_provider WHERE source = $1 AND document IS NULL AND asked_again_at <= $2",
        source.name,
        now,
    )
    due = await pool.fetch(
        "SELECT entity_id FROM saml_provider WHERE source = $1 AND (asked_again_at <= $2 OR $3) "
        "AND document IS NOT NULL "
        "ORDER BY asked_again_at LIMIT $4",
        source.name,
        now,
        row["tried_at"] is None,
        REFRESHED_AT_ONCE,
    )
    failure: MetadataRefused | None = None
    for each in due:
        try:
            await _keep_asked(pool, workshop, http, source, doc, ordinal, each["entity_id"], now=now)
        except NotThere:
            continue
        except MetadataRefused as error:
            failure = error
            await pool.execute(
                "UPDATE saml_provider SET asked_again_at = $3 WHERE source = $1 AND entity_id = $2",
                source.name,
                each["entity_id"],
                now + RETRY_AFTER,
            )
    if failure is not None:
        raise failure
    await _same(pool, source.name, now)


async def _keep_asked(
    pool: asyncpg.Pool,
    workshop: Workshop,
    http: httpx.AsyncClient,
    source: QuerySource,
    doc: SignOnDoc,
    ordinal: int,
    entity_id: str,
    *,
    now: datetime,
) -> None:
    try:
        provider, until = await _ask(workshop, http, source, entity_id, now=now)
    except NotThere:
        missing: tuple[Any, ...] = (
            source.name,
            entity_id,
            ordinal,
            "",
            True,
            False,
            None,
            now + MISSING_FOR,
            None,
            [],
        )
        await pool.execute(_KEEP, *missing)
        raise
    await pool.execute(_KEEP, *_row(source, provider, _said(doc), ordinal, until, now + QUERIED_EVERY))


_FIND = """
SELECT document, admitted FROM saml_provider
WHERE entity_id = $1 AND document IS NOT NULL AND (valid_until IS NULL OR valid_until > $2)
ORDER BY ordinal LIMIT 1
"""


async def find(pool: asyncpg.Pool, entity_id: str, *, now: datetime) -> IdentityProvider | None:
    """A kept identity provider whose people may sign in here; what the first source that has it says counts."""
    row = await pool.fetchrow(_FIND, entity_id, now)
    if row is None or not row["admitted"]:
        return None
    return IdentityProvider.from_json(row["document"])


async def look_up(
    pool: asyncpg.Pool,
    workshop: Workshop,
    http: httpx.AsyncClient,
    doc: SignOnDoc,
    entity_id: str,
    *,
    now: datetime,
) -> IdentityProvider | None:
    """The same, asking the MDQ servers for one that nobody has told us of; no stranger makes us ask for nothing."""
    if (found := await find(pool, entity_id, now=now)) is not None:
        return found
    named = any(each.entity_id == entity_id for each in doc.identity_providers)
    known = await pool.fetch(
        "SELECT source, asked_again_at FROM saml_provider WHERE entity_id = $1 AND document IS NULL",
        entity_id,
    )
    lately = {row["source"] for row in known if row["asked_again_at"] > now}
    missing: int = await pool.fetchval("SELECT count(*) FROM saml_provider WHERE document IS NULL")
    if missing >= MISSING_AT_MOST and not named:  # somebody invents names
        return None
    for ordinal, source in enumerate(doc.sources):
        if not isinstance(source, QuerySource) or source.name in lately:
            continue
        if source.admit == "listed" and not named:
            continue
        try:
            await _keep_asked(pool, workshop, http, source, doc, ordinal, entity_id, now=now)
        except MetadataRefused as error:
            if not isinstance(error, NotThere):
                await _failed(pool, source.name, str(error), now)
            continue
        except asyncpg.ForeignKeyViolationError:  # the configuration is newer than the last round
            continue
        return await find(pool, entity_id, now=now)
    return None


_LIST = """
SELECT DISTINCT ON (label, entity_id) entity_id, label FROM saml_provider
WHERE admitted AND NOT hidden AND (valid_until IS NULL OR valid_until > $1)
ORDER BY label, entity_id LIMIT $2
"""
_SEARCH = """
SELECT DISTINCT ON (label, entity_id) entity_id, label FROM saml_provider
WHERE admitted AND NOT hidden AND (valid_until IS NULL OR valid_until > $1)
  AND search @@ $3::tsquery
ORDER BY label, entity_id LIMIT $2
"""


async def shown(pool: asyncpg.Pool, words: list[str], *, limit: int, now: datetime) -> list[tuple[str, str]]:
    """Identity providers to choose from, id and name, whose name or keywords begin with each of the words."""
    if words:
        rows = await pool.fetch(_SEARCH, now, limit, " & ".join(f"'{word}':*" for word in words))
    else:
        rows = await pool.fetch(_LIST, now, limit)
    return [(row["entity_id"], row["label"]) for row in rows]
