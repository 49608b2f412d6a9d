"""Commands that say what there is and what works here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from retain.cli.options import AsJson
from retain.cli.shown import columns, show


def list_(
    what: Annotated[
        str | None, typer.Argument(help="mitigations, probes, symptoms, alarms, checks, suites or builtin.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Show what there is: mitigations, probes, symptoms, alarms, checks, suites, embedded models."""
    from retain.commands.list_units import list_units, render_list

    found = list_units(what)
    show(json.dumps(found, indent=1) if json_ else render_list(found, columns()), json_)


def doctor(
    adapter: Annotated[Path | None, typer.Option(help="An adapter folder to check as well.")] = None,
    four_bit: Annotated[bool, typer.Option("--4bit", help="Also check what load_in: 4bit needs.")] = False,
    hub: Annotated[bool, typer.Option("--hub", help="Also ask whether the hub can be reached.")] = False,
    json_: AsJson = False,
) -> None:
    """Show versions and devices, and what is known not to work together."""
    from retain.commands.doctor import doctor as command
    from retain.commands.doctor import render_doctor

    found = command(adapter, four_bit, hub)
    show(found.model_dump_json(indent=1) if json_ else render_doctor(found), json_)
    raise typer.Exit(found.exit_code)


def schema(
    what: Annotated[
        str,
        typer.Argument(
            help="recipe, or what --json prints: run (also of compare), several, sequence, verdict (of gate), export, "
            "advice, frontier, measurements, noise, check, check-sequence, lint or doctor."
        ),
    ] = "recipe",
) -> None:
    """Print the recipe's JSON schema, for editors, or that of a result."""
    from retain.commands.schema import schema as command

    show(json.dumps(command(what), indent=1), json_=True)
