"""``pvkdb export-device``: a device's parameters for simulators of analog computing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pvkdb.cli.options import DEFAULT_DATABASE, DatabaseOption, JsonOption, open_store
from pvkdb.cli.output.console import messages, print_json
from pvkdb.errors import InputError, unknown_name


def export_device(
    device: Annotated[str, typer.Argument(help="Id of the device, e.g. d-t4-r14.")],
    simulator: Annotated[str, typer.Option("--for", help="aihwkit, crosssim or neurosim.")],
    r_lrs: Annotated[
        float | None,
        typer.Option("--r-lrs", metavar="OHM", help="Resistance in the LRS, as measured."),
    ] = None,
    v_read: Annotated[
        float | None, typer.Option("--v-read", metavar="V", help="Read voltage.")
    ] = None,
    states: Annotated[
        int | None, typer.Option("--states", metavar="N", help="Number of distinct states.")
    ] = None,
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="ID", help="A figure from the text to use; repeatable."),
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write instead of stdout.")
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    json: JsonOption = False,
) -> None:
    """Write the parameters that a device's figures determine, and name the missing ones."""
    from pvkdb.schemas.simulators import Simulator
    from pvkdb.suitability.simulators import device_parameters as device_figures
    from pvkdb.suitability.simulators.files import file_text

    known = [entry.value for entry in Simulator]
    if simulator not in known:
        raise InputError(unknown_name("simulator", simulator, known))
    with open_store(database).session(read_only=True) as session:
        export = device_figures.export_device(
            session,
            device,
            Simulator(simulator),
            r_lrs_ohm=r_lrs,
            v_read_v=v_read,
            states=states,
            claims=claim or (),
        )
    if json:
        print_json(export.model_dump(mode="json"))
    elif target is None:
        sys.stdout.write(file_text(export))
    if target is not None:
        try:
            target.write_text(file_text(export), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}") from error
        messages().print(f"wrote {target}")
    names = ", ".join(entry.name for entry in export.missing)
    messages().print(f"missing: {names}", markup=False)
    for words in export.claims:
        messages().print(f"not used unless named with --claim: {words}", markup=False)
