"""Files of a DFT program's runs: few by themselves, many in an archive, large ones compressed."""

from __future__ import annotations

import gzip
import io
import tarfile

from pvkdb_pipelines.dft.codes.run_files import EARLIER, RunFiles


def collected(runs: int, output: bytes = b"JOB DONE.") -> dict[str, bytes]:
    files = RunFiles()
    for _ in range(runs):
        files.add({"pw.in": b"&control", "pw.out": output, "pw.err": b""})
    return files.files()


def test_three_runs_stand_by_themselves_and_empty_files_nowhere() -> None:
    assert set(collected(3)) == {f"pw-{n}.{end}" for n in (1, 2, 3) for end in ("in", "out")}
    assert collected(0) == {}


def test_the_runs_before_the_last_three_are_in_an_archive() -> None:
    files = collected(5)
    assert set(files) == {EARLIER, *(f"pw-{n}.{end}" for n in (3, 4, 5) for end in ("in", "out"))}
    with tarfile.open(fileobj=io.BytesIO(files[EARLIER])) as archive:
        assert archive.getnames() == ["pw-1.in", "pw-1.out", "pw-2.in", "pw-2.out"]


def test_large_outputs_are_compressed_and_the_same_runs_give_the_same_bytes() -> None:
    output = b"     total energy              =    -315.1 Ry\n" * 2000
    files = collected(4, output)
    assert gzip.decompress(files["pw-4.out.gz"]) == output
    assert len(files["pw-4.out.gz"]) < len(output) / 20
    assert files == collected(4, output)
