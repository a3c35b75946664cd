"""The page of convergence is that of its force calls, and a kill costs one call at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from validation.dft.convergence import FILE, PAGE, barriers, read_calls, render


def test_the_page_is_that_of_the_force_calls() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(read_calls())


def test_a_frame_that_a_kill_cut_short_is_left_out(tmp_path: Path) -> None:
    text, file = FILE.read_text(encoding="utf-8"), tmp_path / "calls.xyz"
    file.write_text(text + text[: len(text) // len(read_calls()) // 2], encoding="utf-8")
    assert len(read_calls(file)) == len(read_calls())
    assert file.read_text(encoding="utf-8") == text


def test_codes_agree_on_a_hop_within_what_basis_sets_leave() -> None:
    """Both find Cs2SnCl6's barrier far above that of CsPbBr3, within 0.15 eV of each other."""
    found = barriers(read_calls())
    assert found["Cs2SnCl6 Fm-3m +1", "DZVP, 280 Ry"] == pytest.approx(1.25, abs=0.15)
    assert found["CsPbBr3 Pnma +1", "DZVP, 280 Ry"] == pytest.approx(0.084, abs=0.15)
