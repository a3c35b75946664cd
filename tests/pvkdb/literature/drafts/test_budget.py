"""No text holds up the reading of papers: its time grows as the text, and its budget ends it."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from pvkdb.errors import InputError
from pvkdb.literature.drafts import budget, draft_paper
from pvkdb.literature.drafts.budget import end_reading, in_budget
from pvkdb.literature.drafts.proposals import proposals_of
from pvkdb.store.curation.sources import Upload

from .printed_pdf import pdf_of_blanks

SHORT, LONG = 12_500, 100_000
#: Repeated, each took minutes before the patterns were linear.
SHAPES = ("C 3 ", "(", "CH 3 NH 3 ", r"\text{", "a\n")
#: What random shapes are made of.
PARTS = (
    *SHAPES,
    *("A", "1", " ", "\t", "\n", "a", "/", "|", "-", "{}", "[", ")", "^", "_", "*", "~", "“", "漢"),
    *("1 V ", "1 V, ", "10⁴:", "10/", "1e3 ", "1×10", "on/off ratio ", "1 SET/RESET ", "1 a-a-"),
    *(
        "Pb(",
        "CsPbI3/",
        "CsPbI3 (MAB) ",
        "V_I ",
        "Ann Li, ",
        "A A. ",
        "(2018) ",
        "title={",
        "1.1 A",
    ),
    *(
        "respectively ",
        "negative ",
        "from ",
        "and ",
        "start_FLOATa a",
        "\\n",
        "|a|\n",
        "doi:10.1000/",
    ),
)


def seconds_for(text: str) -> float:
    start = time.process_time()
    with suppress(InputError):
        proposals_of(Upload("a.txt", text.encode()))
    return time.process_time() - start


def check_growth(shape: str) -> None:
    """Time grows by the length, or by its square: by 8 or by 64. Little time says nothing."""
    text = shape * (LONG // len(shape) + 1)
    little = max(0.05, seconds_for(text[:SHORT]))
    assert seconds_for(text[:LONG]) < 2.5 * LONG / SHORT * little, shape


def random_shape(number: int) -> str:
    choice = random.Random(number)
    return "".join(choice.choices(PARTS, k=choice.randint(1, 5)))


@pytest.mark.parametrize("shape", [*SHAPES, *(random_shape(number) for number in range(5))])
def test_time_grows_as_the_text(shape: str) -> None:
    check_growth(shape)


@pytest.mark.long
def test_time_grows_as_the_text_of_any_shape() -> None:
    for number in range(5, 105):
        check_growth(random_shape(number))


def test_a_citation_of_many_people_is_read_in_little_time() -> None:
    """The names could be parted in a thousand million ways."""
    assert seconds_for("A A. " * 300) < 5


PAPER = Upload("p.txt", b"The ITO/CsPbBr3/Ag device has an endurance of 500 cycles.")


def test_another_process_reads_the_same_and_raises_the_same() -> None:
    assert in_budget(proposals_of, PAPER) == proposals_of(PAPER)
    with pytest.raises(InputError, match=r"p\.txt is empty; give a file"):
        in_budget(draft_paper, Upload("p.txt", b" "))


#: Each table has the text of what is within it.
NESTED = b"<html><p>a</p>" + b"<table><tr><td>" * 80 + b"x " * 500_000
FEW_NESTED = b"<html><p>a</p>" + b"<table><tr><td>" * 4 + b"x " * 500_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (NESTED, "tables are within each other more than 3 times"),
        (FEW_NESTED, "more than 3,000,000 characters"),
        (b"a b " * 1_000_000, "more than 3,000,000 characters"),
    ],
    ids=["80 nested tables", "a few nested tables", "a long text"],
)
def test_what_is_too_much_is_refused_before_it_is_read(content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        in_budget(proposals_of, Upload("p", content))


def test_the_time_of_the_caller_ends_the_process() -> None:
    blanks = Upload("p.pdf", pdf_of_blanks(pages=300, blanks=70_000_000))
    with pytest.raises(InputError, match=r"p\.pdf takes more than 3 s to read; give its text"):
        in_budget(proposals_of, blanks, seconds=3)
    assert not reading_processes()


def with_less(monkeypatch: pytest.MonkeyPatch, name: str, value: int) -> None:
    """Give the process, which loads the module anew, a part of the budget."""
    child = f"from pvkdb.literature.drafts import budget; budget.{name} = {value}; budget._read()"
    monkeypatch.setattr(budget, name, value)
    monkeypatch.setattr(budget, "_CHILD", child)


def test_the_system_ends_the_process_when_its_processor_time_is_spent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_less(monkeypatch, "CPU_S", 1)
    with pytest.raises(InputError, match="takes more than 1 s of a processor to read"):
        in_budget(proposals_of, Upload("p.pdf", pdf_of_blanks(pages=300, blanks=70_000_000)))


def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    with_less(monkeypatch, "MEMORY", 400 * 1024**2)
    with pytest.raises(InputError, match="takes more than 400 MiB of memory to read"):
        in_budget(proposals_of, Upload("p.pdf", pdf_of_blanks(pages=1, blanks=70_000_000)))


def test_a_mistake_of_the_code_is_no_fault_of_the_paper() -> None:
    with pytest.raises(RuntimeError, match="TypeError"):
        in_budget(len, PAPER)


def reading_processes() -> list[int]:
    """The processes of this one that read a paper."""
    children = psutil.Process(os.getpid()).children()
    return [each.pid for each in children if "budget" in " ".join(each.cmdline())]


def test_end_reading_ends_what_runs() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        budget._running.add(process)
        end_reading()
        assert process.wait(20) < 0
        budget._running.discard(process)
