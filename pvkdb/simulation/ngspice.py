"""Compact models in a real ngspice: a netlist is handed out only if it runs there."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pvkdb.errors import InputError
from pvkdb.simulation.compact import CompactModel

#: Most seconds that ngspice may take for a triangle of the voltage.
_PATIENCE_S = 60.0


def tried(compact: CompactModel) -> CompactModel:
    """Return the model with a note that its netlist ran in ngspice, or that there is no ngspice.

    The voltage goes up, to its negative and back: as far and in the time of the sweep that was
    fitted, else on the scales of the model (``trial`` in models.toml). Behind it is a resistor.

    Raises:
        InputError: ngspice does not simulate it to the end.
    """
    program = shutil.which("ngspice")
    if program is None:
        note = "not run, as ngspice is not installed; install it and write the netlist again"
        return replace(compact, notes=(*compact.notes, note))
    name, scales = compact.model.name, compact.model.trial
    volts, seconds, ohm = (compact.model.function(each, compact.values)() for each in scales)
    volts, seconds = compact.sweep or (volts, seconds)
    points = zip((0, 0.25, 0.75, 1), (0, volts, -volts, 0), strict=True)
    drive = " ".join(f"{share * seconds:.9g} {v:.9g}" for share, v in points)
    lines = [f"* {name}", compact.spice(), f"X1 a 0 {name}", *[f"R1 a b {ohm:.9g}"] * (ohm > 0)]
    lines += [f"V1 {'b' if ohm else 'a'} 0 PWL({drive})", ".control"]
    lines += [f"tran {seconds / 400:.9g} {seconds:.9g} uic"]
    lines += ["let share = time[length(time)-1]", "print share", ".endc", ".end", ""]
    with TemporaryDirectory() as folder:
        Path(folder, "trial.cir").write_text("\n".join(lines), encoding="utf-8")
        command = [program, "-n", "-b", "trial.cir"]
        try:
            run = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=_PATIENCE_S
            )
            said = run.stdout + run.stderr
        except subprocess.TimeoutExpired:
            said = f"error: no end within {_PATIENCE_S:g} s"
    told = f"a triangle of {volts:.3g} V in {seconds:.3g} s"
    reached = re.search(r"share = (\S+)", said)
    if reached is None or abs(float(reached[1]) / seconds - 1) > 1e-6:
        wrong = [line.strip() for line in said.splitlines() if re.search("(?i)error|small", line)]
        text = f"ngspice does not simulate {name} with {told}: {'; '.join(wrong[:2])}"
        raise InputError(f"{text}; try another --model, or --set other values")
    return replace(compact, notes=(*compact.notes, f"ngspice simulates {told} to its end"))
