"""The word `carrel migrate`: from Koha, FOLIO, Alma or Sierra into an installation, by URL."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from carrel.client import Client, fail
from carrel.kits import SYSTEMS

if TYPE_CHECKING:
    from carrel.kits.running import Report

SHOWN = 10
"""Differences that are told on the screen; the outcome file has them all."""


def migrate(
    kit: Annotated[str, typer.Argument(help=", ".join(SYSTEMS))],
    folder: Annotated[Path, typer.Argument(help="Where the export lies", file_okay=False)],
    dry_run: Annotated[
        bool, typer.Option(help="Read, map, and tell what would be handed over; nothing is written there")
    ] = False,
    resume: Annotated[bool, typer.Option(help="Go on where the last run was stopped")] = False,
    sample: Annotated[bool, typer.Option(help="Write a made sample of such an export, and end")] = False,
    data: Annotated[str | None, typer.Option("--data", envvar="CARREL_DATA", help="The data folder")] = None,
    url: Annotated[
        str | None, typer.Option("--url", envvar="CARREL_URL", help="Where the gateway answers")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", envvar="CARREL_KEY", help="An API key or token")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines")] = False,
) -> None:
    """Bring records, items, patrons, open loans, holds and fees from another system, and compare both sides.

    Exit code 1 when not everything is here as it was there, 2 when something is to be set right first.
    """
    # What reads records takes its seconds to be imported; no other word of the command waits for it.
    from carrel.kits.loading import Broken
    from carrel.kits.running import NotReady, Run
    from carrel.kits.sample import write_sample

    if kit not in SYSTEMS:
        fail(f"There is no kit {kit!r}: {', '.join(SYSTEMS)}.", 2)
    if sample:
        write_sample(kit, folder)
        typer.echo(f"A made export of {kit} lies in {folder}.")
        return
    if not folder.is_dir():
        fail(f"There is no folder {folder}.", 2)
    client = Client(url, key, data, as_json=as_json)
    run = Run(kit, folder, client, dry_run, resume, say=lambda line: typer.echo(line, err=True))
    try:
        report = run.report()
    except NotReady as error:
        fail(str(error), 2)
    except Broken as error:
        fail(f"{error} `carrel migrate {kit} {folder} --resume` goes on.")
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False))
    else:
        _show(report)
    if not report.level:
        raise typer.Exit(1)


def _show(report: "Report") -> None:
    if not report.accounts:
        for kind, count in report.handed_over.items():
            typer.echo(f"{count} {kind}s would be handed over.")
        typer.echo(f"{len(report.besides)} rows are told of in {report.outcomes}.")
        return
    table = Table("", "in the export", "left out", "refused", "here", "reconciled")
    for each in report.accounts:
        numbers = (each.exported, each.left, each.refused, each.loaded)
        table.add_row(f"{each.kind}s", *map(str, numbers), "level" if each.level else "look here")
    Console(width=100).print(table)
    for each in report.accounts:
        for currency, sums in each.money.items():
            typer.echo(
                f"{each.kind}s in {currency}, minor units: {sums['exported']} charged and "
                f"{sums['exported_remaining']} open in the export, {sums['loaded']} and "
                f"{sums['loaded_remaining']} here"
            )
        for row in each.differences[:SHOWN]:
            typer.echo(f"  {row.kind} {row.legacy_id}: {row.code}. {row.text}")
        if len(each.differences) > SHOWN:
            typer.echo(f"  and {len(each.differences) - SHOWN} more {each.kind}s")
    typer.echo(f"Everything that is not here as it was there: {report.outcomes}")
