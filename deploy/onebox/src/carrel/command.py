"""The command `carrel`: one box to start, and any installation to operate by URL."""

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.table import Column, Table
from typer.exceptions import TyperException

from carrel import migrating, sandbox, sbom
from carrel.client import Client, fail
from carrel.greeting import z3950_problem
from carrel.installation import Installation

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Carrel: the backend a university library runs on.",
)
events = typer.Typer(no_args_is_help=True, help="Events: the feed, dead letters, replay.")
config = typer.Typer(no_args_is_help=True, help="The library's configuration as documents.")
app.add_typer(events, name="events")
app.add_typer(config, name="config")
webhook = typer.Typer(no_args_is_help=True, help="Webhooks: listen to one.")
app.add_typer(webhook, name="webhook")
app.add_typer(sandbox.app, name="sandbox")
app.command("sbom")(sbom.sbom)
app.command("migrate")(migrating.migrate)

Data = Annotated[str | None, typer.Option("--data", envvar="CARREL_DATA", help="The data folder")]
Url = Annotated[str | None, typer.Option("--url", envvar="CARREL_URL", help="Where the gateway answers")]
Key = Annotated[str | None, typer.Option("--key", envvar="CARREL_KEY", help="An API key or token")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines")]

MEDIA_TYPES = {
    ".mrc": "application/marc",
    ".marc": "application/marc",
    ".dat": "application/marc",
    ".xml": "application/marcxml+xml",
    ".mods": "application/mods+xml",
    ".json": "application/marc+json",
    ".jsonl": "application/marc+json",
    ".ndjson": "application/marc+json",
}
SHOWN_REASONS = 5
"""Refused records that an import tells of; the outcomes have them all."""
CONFIGURED = ("catalog", "circulation", "ill", "erm", "sign-on", "budgets")


def show(client: Client, told: Any, words: Callable[[Any], None]) -> None:
    """JSON for machines, words for people."""
    if client.as_json:
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        words(told)


def _print(table: Table) -> None:
    """As wide as the terminal; where there is none, wide enough that nothing is broken up."""
    Console(width=None if sys.stdout.isatty() else 240).print(table)


@app.command()
def up(
    data: Data = None,
    host: Annotated[str, typer.Option(envvar="CARREL_HOST")] = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="CARREL_PORT", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Serving processes", min=1, max=32)] = 1,
    demo: Annotated[bool, typer.Option(help="Fill a new library with the demo university")] = True,
    as_sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Begin a folder whose data `carrel sandbox reset` may end")
    ] = False,
    z3950_port: Annotated[
        int | None,
        typer.Option(
            envvar="CARREL_Z3950_PORT", help="Answer other libraries by Z39.50, too", min=1, max=65535
        ),
    ] = None,
) -> None:
    """Start everything on this machine and keep it running."""
    from carrel import up as box
    from carrel.installation import WrongPlace
    from carrel.postgres import AlreadyRunning, PostgresProblem

    def say(line: str) -> None:
        typer.echo(line)
        sys.stdout.flush()

    installation = Installation.at(data)
    first: box.FirstStart | None = None
    if demo:
        from carrel.demo.first_start import FirstStart

        first = FirstStart(installation, say)
    try:
        if as_sandbox:
            sandbox.begin(installation, first=installation.prepare())
        asyncio.run(
            box.up(
                installation,
                host=host,
                port=port,
                workers=workers,
                say=say,
                first_start=first,
                z3950_port=z3950_port,
            )
        )
    except AlreadyRunning as error:
        fail(f"Carrel is already running on {installation.data} (process {error.pid}).")
    except (box.CannotStart, PostgresProblem, WrongPlace, sandbox.NoSandbox) as error:
        fail(str(error))


@app.command()
def cluster(
    data: Data = None,
    port: Annotated[int, typer.Option(envvar="CARREL_PORT", min=1, max=65535)] = 8000,
) -> None:
    """Start every role of every service as its own process, on PostgreSQL and RabbitMQ, by compose.yaml."""
    from carrel import cluster as many
    from carrel.installation import WrongPlace
    from carrel.postgres import PostgresProblem
    from carrel.rabbitmq import BrokerProblem

    installation = Installation.at(data)
    try:
        asyncio.run(
            many.run(
                Installation(installation.data.with_name(installation.data.name + "-cluster")),
                port=port,
                say=typer.echo,
            )
        )
    except (many.ClusterProblem, PostgresProblem, WrongPlace, BrokerProblem) as error:
        fail(str(error))


@app.command()
def status(data: Data = None, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """How the installation does: what answers, what waits, what was set aside."""
    client = Client(url, key, data, as_json=as_json)
    state = client.readiness()
    letters = client.get("/v1/dead-letters", limit=1)
    index = client.get("/v1/search-index")
    told = {
        "url": client.url,
        "status": state,
        "waiting": letters["waiting"],
        "dead_letters": letters["dead"],
        "search_index": index,
    }

    def words(told: Any) -> None:
        typer.echo(f"{told['url']}  {told['status']}")
        table = Table("service", "events waiting", "dead letters")
        for name, waiting in told["waiting"].items():
            table.add_row(name, str(waiting), str(told["dead_letters"][name]))
        _print(table)
        typer.echo("search index: " + ", ".join(f"{name} {value}" for name, value in index.items()))

    show(client, told, words)
    if state != "ready":
        raise typer.Exit(1)


@app.command()
def token(
    admin: Annotated[bool, typer.Option("--admin", help="With every scope")] = False,
    scopes: Annotated[str | None, typer.Option("--scopes", help="Scopes, separated by commas")] = None,
    name: Annotated[str, typer.Option(help="What the key is for")] = "command line",
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """A key for scripts: the operator's own, or a new one with just these scopes."""
    client = Client(url, key, data, as_json=as_json)
    if admin == (scopes is not None):
        fail("Say either --admin or --scopes a,b,c.", 2)
    if admin:
        if not client.key:
            fail("The operator's key is not here: set CARREL_KEY, or run this where the data folder is.")
        show(client, {"key": client.key}, lambda told: typer.echo(told["key"]))
        return
    wanted = [scope.strip() for scope in (scopes or "").split(",") if scope.strip()]
    told = client.post("/v1/clients", {"kind": "api-key", "name": name, "scopes": wanted})
    show(client, {"key": told["api_key"], "id": told["id"]}, lambda told: typer.echo(told["key"]))


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    profile: Annotated[str | None, typer.Option(help="An import profile's code")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only find out what would become of the records")] = False,
    create_locations: Annotated[bool, typer.Option(help="Make locations that are not known yet")] = False,
    media_type: Annotated[str | None, typer.Option(help="application/marc, …")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the end")] = True,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Import records from a file, or try what would come of it. Exit code 1 when a record was not taken as it is."""
    client = Client(url, key, data, as_json=as_json)
    kind = media_type or MEDIA_TYPES.get(file.suffix.lower())
    if kind is None:
        fail(f"What is {file.name}? Say --media-type application/marc, marcxml+xml, marc+json or xml.", 2)
    job = client.send_file(
        "/v1/imports",
        file,
        kind,
        profile=profile,
        create_locations="true" if create_locations else None,
        dry_run="true" if dry_run else None,
    )
    if wait:
        job = client.when_ended(job)

    def words(job: Any) -> None:
        typer.echo(f"{job['id']}  {job['state']}: {counted(job)}")
        if job["error"]:
            typer.echo(job["error"], err=True)
        for outcome in ("matched-many", "rejected", "failed"):
            if job["counts"][outcome.replace("-", "_")]:
                _tell_refused(client, job["id"], outcome)

    show(client, job, words)
    if wait and job["state"] != "finished":
        raise typer.Exit(1)


def counted(job: Any) -> str:
    """What became of the records, in words."""
    return ", ".join(f"{count} {name}" for name, count in job["counts"].items() if count) or "nothing yet"


def _tell_refused(client: Client, job_id: str, outcome: str) -> None:
    """The first records that were not taken: where they stand in the file, and why."""
    told = client.get(f"/v1/imports/{job_id}/outcomes", outcome=outcome, limit=SHOWN_REASONS)
    for record in told["items"]:
        why = " ".join(reason["text"] for reason in record["reasons"])
        typer.echo(f"  record {record['ordinal']}, byte {record['position']}: {outcome}. {why}", err=True)
    if told["next_cursor"]:
        typer.echo(f"  and more: GET {client.url}/v1/imports/{job_id}/outcomes?outcome={outcome}", err=True)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Standard output where left out")] = None,
    query: Annotated[str | None, typer.Option(help="Only titles that match")] = None,
    media_type: Annotated[str, typer.Option()] = "application/marc",
    data: Data = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Export titles as MARC or MARCXML."""
    client = Client(url, key, data, as_json=False)
    with _whole_file(file) if file else contextlib.nullcontext(sys.stdout.buffer) as out:
        written = client.stream("/v1/titles:export", out, query=query, media_type=media_type)
    typer.echo(f"{written} bytes", err=True)


@contextlib.contextmanager
def _whole_file(file: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete: what broke off is never taken for an export."""
    if file.exists() and not file.is_file():  # a device, a pipe
        with file.open("wb") as out:
            yield out
        return
    half = file.with_name(f"{file.name}.part")
    try:
        with half.open("wb") as out:
            yield out
        half.replace(file)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


@app.command()
def demo(
    titles: Annotated[
        int, typer.Option(help="0: the small university; else a large made library", min=0)
    ] = 0,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Fill a running installation with demo data."""
    from carrel.demo import loading

    client = Client(url, key, data, as_json=as_json)
    if titles:
        job = loading.load_made(client, titles, Console(stderr=True))
        show(client, job, lambda job: typer.echo(f"{job['id']}  {job['state']}: {counted(job)}"))
        if job["state"] != "finished":
            raise typer.Exit(1)
        return
    try:
        logins = loading.load_small(client)
    except loading.DemoRefused as error:
        fail(str(error))
    show(
        client,
        [dataclasses.asdict(login) for login in logins],
        lambda told: typer.echo("\n".join(login.line for login in logins)),
    )


@app.command("demo-sso")
def demo_sso(
    port: Annotated[int, typer.Option(help="Where the campus answers, on this machine", max=65535)] = 8010,
    data: Data = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Try signing in by SAML: a campus on this machine, where anybody is whoever they choose to be."""
    from carrel.demo import campus

    try:
        campus.run(Client(url, key, data, as_json=False), port, typer.echo)
    except campus.CampusRefused as error:
        fail(str(error))


@app.command()
def doctor(data: Data = None, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """Look for what is wrong: the service, its backlog, its index, its configuration."""
    client = Client(url, key, data, as_json=as_json)
    found: list[dict[str, str]] = []

    def check(name: str, good: bool, what: str) -> None:
        found.append({"check": name, "result": "ok" if good else "look here", "detail": what})

    state = client.readiness()
    check("gateway", state == "ready", f"{client.url} is {state}")
    letters = client.get("/v1/dead-letters", limit=5)
    dead = sum(letters["dead"].values())
    check("dead letters", dead == 0, f"{dead}: `carrel events dead` lists them" if dead else "none")
    waiting = sum(letters["waiting"].values())
    check("backlog", waiting < 10_000, f"{waiting} events wait")
    index = client.get("/v1/search-index")
    lag = index.get("lag_seconds") or 0
    check("search index", lag < 10, f"{index.get('count')} titles, {lag:.1f} s behind")
    failing = [each["name"] for each in client.get("/v1/saml/sources")["items"] if each["failure"]]
    check(
        "campus sign-in",
        not failing,
        f"no new metadata from {', '.join(failing)}: GET /v1/saml/sources" if failing else "nothing fails",
    )
    differing = client.get("/v1/discrepancies", limit=1)["open"]
    check(
        "nightly counting",
        not differing,
        f"{differing} differ: GET /v1/discrepancies" if differing else "nothing differs",
    )
    points = client.get("/v1/service-points")["items"]
    check(
        "configuration",
        bool(points),
        f"{len(points)} service points" if points else "none: carrel config apply",
    )

    if (z3950 := Installation.at(data).z3950_file).exists():
        address = z3950.read_text()
        silence = z3950_problem(address)
        check("Z39.50", silence is None, f"{address} {silence or 'answers'}")

    def words(found: Any) -> None:
        table = Table("check", "result", "detail")
        for each in found:
            table.add_row(each["check"], each["result"], each["detail"])
        _print(table)

    show(client, found, words)
    if any(each["result"] != "ok" for each in found):
        raise typer.Exit(1)


@events.command("tail")
def events_tail(
    types: Annotated[str | None, typer.Option(help="Only these types, separated by commas")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come")] = False,
    after: Annotated[str | None, typer.Option(help="A cursor")] = None,
    data: Data = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """The change feed, an event to a line."""
    client = Client(url, key, data, as_json=True)
    cursor = after
    while True:
        told = client.get("/v1/changes", after=cursor, types=types, limit=500)
        for event in told["events"]:
            typer.echo(json.dumps(event, ensure_ascii=False))
        cursor = told["next_cursor"]
        if not told["more"]:
            if not follow:
                return
            time.sleep(0.5)


@events.command("dead")
def events_dead(
    service: Annotated[str | None, typer.Option()] = None,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """What could not be handled."""
    client = Client(url, key, data, as_json=as_json)

    def words(told: Any) -> None:
        table = Table(Column("id", no_wrap=True), "queue", "type", "attempts", "reason")
        for letter in told["items"]:
            table.add_row(
                letter["id"], letter["queue"], letter["type"], str(letter["attempts"]), letter["reason"]
            )
        _print(table)

    show(client, client.get("/v1/dead-letters", service=service), words)


def _judge(verdict: str, service: str, ids: list[str], reason: str, client: Client) -> None:
    told = client.post(f"/v1/dead-letters:{verdict}", {"service": service, "ids": ids, "reason": reason})
    show(client, told, lambda told: typer.echo(f"{told['found']} of {len(ids)} found"))
    if told["found"] < len(set(ids)):
        raise typer.Exit(1)


Ids = Annotated[list[str], typer.Argument(help="Ids of dead letters")]
Reason = Annotated[str, typer.Option(help="Why; it is kept")]
Where = Annotated[str, typer.Option("--service", help="Whose dead letters")]


@events.command("replay")
def events_replay(
    ids: Ids,
    service: Where,
    reason: Reason,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Put dead letters back into their queue."""
    _judge("replay", service, ids, reason, Client(url, key, data, as_json=as_json))


@events.command("discard")
def events_discard(
    ids: Ids,
    service: Where,
    reason: Reason,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Drop dead letters for good."""
    _judge("discard", service, ids, reason, Client(url, key, data, as_json=as_json))


@webhook.command("listen")
def webhook_listen(
    types: Annotated[str, typer.Option(help="Event types, separated by commas")],
    host: Annotated[str, typer.Option(help="Where the gateway reaches this machine")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0: any that is free", min=0, max=65535)] = 0,
    receiver: Annotated[str | None, typer.Option(help="The URL, behind a tunnel or proxy of yours")] = None,
    count: Annotated[int | None, typer.Option(help="End after so many", min=1)] = None,
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Subscribe a receiver on this machine, verify what comes and print it; Ctrl-C ends both."""
    from carrel.listening import listen

    wanted = [name.strip() for name in types.split(",") if name.strip()]
    client = Client(url, key, data, as_json=as_json)
    listen(client, wanted, host=host, port=port, url=receiver, count=count)


@config.command("export")
def config_export(
    folder: Annotated[Path, typer.Argument(help="Where the documents are written")],
    data: Data = None,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Write the configuration as one JSON file per service, for review and git."""
    client = Client(url, key, data, as_json=as_json)
    documents = {service: client.get(f"/v1/configuration/{service}") for service in CONFIGURED}
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for service, document in documents.items():
        text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
        with _whole_file(folder / f"{service}.json") as out:
            out.write(text.encode())
        files.append(str(folder / f"{service}.json"))
    show(client, {"files": files}, lambda told: typer.echo("\n".join(told["files"])))


def _documents(folder: Path) -> dict[str, Any]:
    found = {name: folder / f"{name}.json" for name in CONFIGURED if (folder / f"{name}.json").exists()}
    if not found:
        fail(f"There is no {' or '.join(f'{name}.json' for name in CONFIGURED)} in {folder}.", 2)
    documents = {}
    for name, file in found.items():
        try:
            documents[name] = json.loads(file.read_bytes())
        except ValueError as error:
            fail(f"{file} is no JSON: {error}", 2)
    return documents


def _put(folder: Path, client: Client, *, dry_run: bool) -> None:
    """Every document is judged before the first one is put in place."""
    documents = _documents(folder)
    for asking in ("true",) if dry_run else ("true", "false"):
        told = {
            name: client.put(f"/v1/configuration/{name}", document, dry_run=asking)
            for name, document in documents.items()
        }

    def words(told: Any) -> None:
        for name, answer in told.items():
            for section, diff in answer["sections"].items():
                for kind in ("added", "changed", "removed"):
                    for code in diff[kind]:
                        typer.echo(f"{name} {section}: {kind} {code}")
            if not answer["sections"]:
                typer.echo(f"{name}: nothing differs")

    show(client, told, words)


Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The documents' folder")]


@config.command("diff")
def config_diff(
    folder: Folder, data: Data = None, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """What applying the documents would change."""
    _put(folder, Client(url, key, data, as_json=as_json), dry_run=True)


@config.command("apply")
def config_apply(
    folder: Folder, data: Data = None, url: Url = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Put the documents in place: each as a whole, or not at all."""
    _put(folder, Client(url, key, data, as_json=as_json), dry_run=False)


def main() -> None:
    """The command's way in: what is wrong with the call or with a file is told in words, on standard error."""
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        typer.echo(error.format_message(), err=True)
        code = getattr(error, "exit_code", 1)
    except OSError as error:
        if error.filename is None:
            raise
        typer.echo(f"{error.filename} cannot be used: {error.strerror}.", err=True)
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
