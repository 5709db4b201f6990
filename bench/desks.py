"""Check-in, renewal, hold, account page and batch availability through the gateway, against pgbench with the same work.

    .venv/bin/python bench/desks.py [--patrons 100000 --items 400000 --loans 200000 --seconds 8 --only check-in]

64 clients each, all on one embedded PostgreSQL with fsync, in one run, on this machine; what counts is the ratio.
pgbench runs the service's own statements, prepared, with the same arguments and events and answers of the same length;
for what is written also what they read and write, one table a statement, in a transaction.
"""

import argparse
import asyncio
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import asyncpg
import desk
import load

from carrel.installation import SERVICES, Installation, connections_allowed, process_environment
from carrel.postgres import Cluster
from chassis import migrations
from chassis.transport.postgres import PostgresTransport
from circulation.holds.statements import ACT_HOLD, look_hold
from circulation.items import routes as availability
from circulation.loans import statements
from circulation.patrons.statements import LOOK_ACCOUNT
from support.box import free_port

KINDS = ("patron", "item", "loan")
CLIENTS = 64
TITLES = 50
"""Of a batch."""


def id_of(kind: str, number: int) -> UUID:
    """An id that pgbench can work out, too."""
    return UUID(int=((KINDS.index(kind) + 1) << 96) + number)


def sql_id(kind: str, number: str) -> str:
    """The same in SQL."""
    return (
        f"('0000000{KINDS.index(kind) + 1}-0000-0000-0000-' || lpad(to_hex(({number})::int), 12, '0'))::uuid"
    )


LOAN, ITEM = sql_id("loan", ":l"), sql_id("item", ":l")
HOLDER, PATRON = sql_id("patron", ":l::int % :patrons::int"), sql_id("patron", ":p")
OPEN = "('waiting', 'in-transit', 'ready')"
NEXT = """
\\set n :n + 1
\\set l :first + :client_id + :n * :desks
\\set p random(0, :patrons - 1)
"""
"""Each row once: a client's variables outlive its transaction."""
KEPT = r"""
INSERT INTO outbox (id, type, key, envelope) VALUES (gen_random_uuid(), 'circulation.bench.v1', 'k', repeat('x', :told));
INSERT INTO idempotency (principal, key, fingerprint, status, headers, body) VALUES ('pgbench', gen_random_uuid()::text, '\x00', 201, '{}', convert_to(repeat('y', :kept), 'UTF8'));
COMMIT;
"""
LOOKED = f"""{NEXT}BEGIN;
SELECT version FROM reference;
SELECT status FROM idempotency WHERE principal = 'pgbench' AND key = 'k' || (:l::int)::text;
"""
LENT = f"""
SELECT * FROM patron WHERE id = {HOLDER} FOR NO KEY UPDATE;
SELECT * FROM item WHERE id = {ITEM} FOR NO KEY UPDATE;
SELECT * FROM loan WHERE id = {LOAN} FOR NO KEY UPDATE;
SELECT count(*), count(*) FILTER (WHERE state = 'waiting') FROM hold WHERE title_id = {ITEM} AND state IN {OPEN};
"""
CHECK_IN = f"""{LOOKED}{LENT}
UPDATE loan SET returned_at = now(), system_returned_at = now(), version = version + 1 WHERE id = {LOAN};
UPDATE patron SET open_loans = greatest(open_loans - 1, 0), guard = guard + 1 WHERE id = {HOLDER};
UPDATE item SET guard = guard + 1, state = 'available', loan_id = NULL, due_at = NULL, last_seen_at = now() WHERE id = {ITEM};
UPDATE desk_session SET last_at = now() WHERE patron_id = {HOLDER} AND service_point_id = :'point' AND ended_at IS NULL;
{KEPT}"""
STANDING = """
SELECT count(*) FROM patron_block WHERE patron_id = {patron};
SELECT count(*), count(*) FILTER (WHERE due_at < now()) FROM loan WHERE patron_id = {patron} AND returned_at IS NULL;
"""
RENEW = f"""{LOOKED}{LENT}{STANDING.format(patron=HOLDER)}
UPDATE loan SET due_at = now() + interval '28 days', renewals = renewals + 1, version = version + 1 WHERE id = {LOAN};
UPDATE item SET guard = guard + 1, due_at = now() + interval '28 days' WHERE id = {ITEM};
{KEPT}"""
HOLD = f"""{LOOKED}
SELECT guard FROM hold_queue WHERE title_id = {ITEM};
SELECT i.*, l.due_at, l.patron_id FROM item i LEFT JOIN loan l ON l.id = i.loan_id WHERE i.title_ids @> ARRAY[{ITEM}];
SELECT pg_advisory_xact_lock(hashtextextended(({ITEM})::text, 0));
INSERT INTO hold_queue AS q (title_id, guard) VALUES ({ITEM}, 1) ON CONFLICT (title_id) DO UPDATE SET guard = q.guard + 1;
SELECT * FROM patron WHERE id = {PATRON} FOR NO KEY UPDATE;
SELECT id FROM item WHERE id = {ITEM} FOR NO KEY UPDATE;
SELECT count(*), bool_or(title_id = {ITEM}) FROM hold WHERE patron_id = {PATRON} AND state IN {OPEN};
{STANDING.format(patron=PATRON)}
INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, position, policy, placed_at) SELECT gen_random_uuid(), 'hold', 'title', {ITEM}, {PATRON}, :'point', 'waiting', 1 + coalesce(max(position), 0), 'usual', now() FROM hold WHERE title_id = {ITEM};
UPDATE patron SET guard = guard + 1 WHERE id = {PATRON};
UPDATE item SET guard = guard + 1 WHERE id = {ITEM};
{KEPT}"""


def read(statement: str, *arguments: str, end: str = ";") -> str:
    """A statement of the service, on one line and with its arguments in place."""
    filled = re.sub(r"\$(\d+)", lambda found: arguments[int(found[1]) - 1], statement)
    return " ".join(filled.split()) + end + "\n"


SEEN = " \\gset seen_"
EVENT = ("gen_random_uuid()", "'circulation.bench.v1'", "'k'", "repeat('x', :told)")
ANSWER = (
    "'pgbench'",
    "gen_random_uuid()::text",
    r"'\x00'",
    "201",
    "'{}'",
    "convert_to(repeat('y', :kept), 'UTF8')",
)
ASKED = ("'pgbench'", "'k' || (:l::int)::text")
OURS = {
    "check-in": NEXT
    + read(statements.LOOK_RETURN, ITEM, "NULL", *ASKED, end=SEEN)
    + read(
        statements.ACT_RETURN,
        *(":seen_patron_id", ":seen_item_id", ":seen_item_guard", ":seen_open_loan_id", ":seen_loan_version"),
        *("'available'", "NULL", "NULL", "false", "NULL", "now()", ":'point'", "now()"),
        *(*EVENT, *ANSWER, "NULL", "false", "NULL"),
    ),
    "renewal": NEXT
    + read(statements.LOOK_RENEWAL, LOAN, "NULL", *ASKED, "now()", end=SEEN)
    + read(
        statements.ACT_RENEWAL,
        *(":seen_patron_id", ":seen_patron_guard", ":seen_item_id", ":seen_item_guard", ":seen_reference"),
        *(
            ":seen_open_loan_id",
            ":seen_loan_version",
            "now() + interval '28 days'",
            "'four-weeks'",
            "'daily'",
        ),
        *("'Europe/Berlin'", "NULL", *EVENT, *ANSWER, "NULL", "true"),
    ),
    "hold": NEXT
    + read(
        look_hold(item=False, every=False, by_day=False),
        *(PATRON, "NULL", ITEM, "NULL", *ASKED, "NULL", "'MAIN'", "now()"),
        end=SEEN,
    )
    + read(
        ACT_HOLD,
        *(":seen_title_id", ":seen_queue_guard", "(:seen_queue_length::int + 1)", ":seen_patron_id"),
        *(":seen_patron_guard", ":seen_reference", "ARRAY[split_part(:seen_first::text, ' ', 1)::uuid]"),
        *("ARRAY[split_part(:seen_first::text, ' ', 2)::bigint]", "gen_random_uuid()", "'hold'", "'title'"),
        *(
            "NULL",
            ":'point'",
            "'usual'",
            "now()",
            "NULL",
            "NULL",
            "NULL",
            "NULL",
            "'hold-shelf'",
            "NULL",
            "1",
        ),
        *("NULL", "NULL", *(f"ARRAY[{each}]" for each in EVENT), *ANSWER[:3], *ANSWER[4:]),
    ),
}
"""What the service asks, with what the look brought as the arguments of the act."""
ACCOUNT = (
    "\\set p random(0, :patrons - 1)\nBEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
    "SELECT version FROM reference;\n"
    + "".join(
        read(statement, PATRON)
        for statement in (
            "SELECT * FROM patron WHERE id = $1",
            "SELECT l.*, i.* FROM loan l JOIN item i ON i.id = l.item_id WHERE l.patron_id = $1 "
            "AND l.returned_at IS NULL ORDER BY l.due_at",
            f"SELECT * FROM hold WHERE patron_id = $1 AND state IN {OPEN} ORDER BY placed_at",
            "SELECT * FROM fee WHERE patron_id = $1 AND state = 'open' ORDER BY charged_at",
            "SELECT * FROM patron_block WHERE patron_id = $1 ORDER BY created_at",
        )
    )
    + "COMMIT;\n"
)
TITLES_ASKED = f"(ARRAY(SELECT {sql_id('item', '(:l::int + n * 7919) % :items::int')} FROM generate_series(0, {TITLES - 1}) AS n))"
OURS |= {
    "account": "\\set p random(0, :patrons - 1)\n" + read(LOOK_ACCOUNT, PATRON, "now()"),
    "availability of 50": "\\set l random(0, :items - 1)\n" + read(availability.SUMMARY, TITLES_ASKED),
}


def requests(asked: argparse.Namespace, point: UUID) -> dict[str, Iterator[bytes]]:
    """What is asked, by kind; of what can be done once each loan has its own kind of request."""
    third, chance = asked.loans // 3, random.Random(3)
    point_of = f'"service_point_id":"{point}"'

    def check_in() -> Iterator[bytes]:
        for number in range(third):
            yield f'POST /v1/returns {{"item_id":"{id_of("item", number)}",{point_of}}}'.encode()

    def renew() -> Iterator[bytes]:
        for number in range(third, 2 * third):
            yield f"POST /v1/loans/{id_of('loan', number)}/renewals".encode()

    def hold() -> Iterator[bytes]:
        for number in range(2 * third, 3 * third):
            patron = id_of("patron", (number + 1 + chance.randrange(asked.patrons - 1)) % asked.patrons)
            title = id_of("item", number)
            yield (
                f'POST /v1/holds {{"patron_id":"{patron}","title_id":"{title}","kind":"hold","pickup_id":"{point}"}}'
            ).encode()

    def accounts() -> Iterator[bytes]:
        while True:
            yield f"GET /v1/patrons/{id_of('patron', chance.randrange(asked.patrons))}/account".encode()

    def batches() -> Iterator[bytes]:
        while True:
            first = chance.randrange(asked.items)
            ids = ",".join(f'"{id_of("item", (first + n * 7919) % asked.items)}"' for n in range(TITLES))
            yield f'POST /v1/availability:batch {{"ids":[{ids}]}}'.encode()

    return {
        "check-in": check_in(),
        "renewal": renew(),
        "hold": hold(),
        "account": accounts(),
        "availability of 50": batches(),
    }


async def main(asked: argparse.Namespace) -> dict[str, Any]:
    """One run of everything."""
    folder = Path(tempfile.mkdtemp(prefix="carrel-bench-"))
    folder.chmod(0o755)
    installation = Installation(folder)
    installation.prepare()
    cluster = await Cluster.start(installation.cluster, max_connections=max(150, connections_allowed(2)))
    children: list[subprocess.Popen[bytes]] = []
    try:
        dsns = {name: await cluster.ensure_service(name) for name in SERVICES}
        bus = await cluster.ensure_service("bus")
        transport = PostgresTransport(bus)
        await transport.open()
        await transport.close()
        for name, dsn in dsns.items():
            await migrations.migrate(migrations.migrations_beside(__import__(name).__file__), dsn)
        print("filling …", flush=True)
        _, _, point = await desk.fill(
            dsns["circulation"], asked.patrons, asked.items, asked.loans, id_of=id_of
        )
        port = free_port()
        children += desk.begun(port, {**os.environ, **process_environment(installation, dsns, bus)})
        key = installation.secret("admin")
        third = asked.loans // 3
        peers: dict[str, tuple[str | None, int]] = {
            "check-in": (CHECK_IN, 0),
            "renewal": (RENEW, third),
            "hold": (HOLD, 2 * third),
            "account": (ACCOUNT, 0),
            "availability of 50": (None, 0),
        }
        kinds = {name: lines for name, lines in requests(asked, point).items() if asked.only in (None, name)}
        results: dict[str, Any] = {}
        lengths: dict[str, dict[str, int]] = {}
        for name, lines in kinds.items():
            await load.sent(port, 16, 2, some(lines, asked.loans // 30), key)
            # What was done before is told to everybody: else those who read pay for those who wrote.
            await desk.drained(dsns["circulation"], bus, time.perf_counter())
            await desk.settled(cluster.dsn("postgres"))
            before = await written(dsns["circulation"])
            told = await load.sent(port, CLIENTS, asked.seconds, some(lines, asked.seconds * 3000), key)
            lengths[name] = lengths_of(before, await written(dsns["circulation"]))
            results |= {f"{name}: {word}": value for word, value in told.items()}
        for child in children:
            child.terminate()
        for child in children:
            child.wait()
        children.clear()
        if shutil.which("pgbench"):
            for name in kinds:
                apart, first = peers[name]
                for what, transaction in (("one by one", apart), ("ours", OURS.get(name))):
                    if transaction is None:
                        continue
                    sizes = {
                        "patrons": asked.patrons,
                        "items": asked.items,
                        "first": first + (third // 3 if what == "ours" else 2 * third // 3),
                        "n": -1,
                        "desks": CLIENTS,
                    }
                    await desk.settled(cluster.dsn("postgres"))
                    text = transaction.replace(":'point'", f"'{point}'::uuid")
                    rate, _ = desk.pgbench(
                        dsns["circulation"], CLIENTS, asked.seconds, text, **sizes, **lengths[name]
                    )
                    results[f"{name}: pgbench, {what} /s"] = rate
                    results[f"{name}: ratio, {what}"] = results[f"{name}: rate"] / rate
        return results
    finally:
        for child in children:
            child.kill()
        await cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def written(dsn: str) -> tuple[int, int, int, int]:
    """How many events and answers there are, and how long they are all together."""
    connection = await asyncpg.connect(dsn)
    try:
        row = await connection.fetchrow(
            "SELECT * FROM (SELECT count(*), coalesce(sum(length(envelope)), 0) FROM outbox) AS e (events, told), "
            "(SELECT count(*), coalesce(sum(length(body)), 0) FROM idempotency) AS a (answers, kept)"
        )
        assert row is not None
        return row["events"], int(row["told"]), row["answers"], int(row["kept"])
    finally:
        await connection.close()


def lengths_of(before: tuple[int, ...], after: tuple[int, ...]) -> dict[str, int]:
    """The mean lengths of what was written meanwhile."""
    events, told, answers, kept = (late - early for early, late in zip(before, after, strict=True))
    return {"told": told // max(events, 1), "kept": kept // max(answers, 1)}


def some(lines: Iterator[bytes], many: int) -> list[bytes]:
    """So many of them, if there are."""
    return list(itertools.islice(lines, many))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patrons", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=400_000)
    parser.add_argument("--loans", type=int, default=200_000)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--only", help="one kind alone")
    told = asyncio.run(main(parser.parse_args()))
    for name, value in told.items():
        print(f"{name:36} {value:.3f}" if isinstance(value, float) else f"{name:36} {value}")
