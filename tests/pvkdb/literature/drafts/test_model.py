"""A language model may propose; what the text does not say literally is dropped and counted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from pvkdb.errors import InputError
from pvkdb.literature.drafts import Draft, ModelEndpoint, draft_paper, draft_yaml
from pvkdb.literature.drafts import model as model_module
from pvkdb.store.curation.sources import Upload

from ....each import for_each

SENTENCE = "The Pt/CsPbBr3/Ag cells were tested in air at 0.4 V each."
TEXT = f"Abstract. {SENTENCE} Its endurance is 7 cycles."
#: What a model may say of the sentence rightly, which no rule finds.
RIGHT = {"sentence": SENTENCE, "metric": "v_operating_v", "value": "0.4 V", "defect": ""}
RIGHT |= {"material": "CsPbBr3", "stack": "Pt/CsPbBr3/Ag"}


class FakeModel:
    """A service on loopback that answers as a test tells it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.content: str | bytes = ""
        self.status = 200
        self.waits = threading.Event()
        self.waits.set()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.keys.append(self.headers.get("Authorization"))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append(json.loads(body) | {"path": self.path})
                fake.waits.wait(10)
                choices = {"choices": [{"message": {"content": fake.content}}]}
                raw = isinstance(fake.content, bytes)
                answer = fake.content if raw else json.dumps(choices).encode()
                self.send_response(fake.status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def says(self, *values: dict[str, str]) -> None:
        self.content = json.dumps({"values": values})


@pytest.fixture
def fake() -> Iterator[FakeModel]:
    fake = FakeModel()
    thread = threading.Thread(target=fake.server.serve_forever, args=(0.01,))
    thread.start()
    yield fake
    fake.waits.set()
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


def draft(fake: FakeModel, text: str = TEXT, timeout_s: float = 20) -> Draft:
    endpoint = ModelEndpoint(fake.url, "some-model", "secret", timeout_s)
    return draft_paper(Upload("paper.txt", text.encode()), endpoint)


def test_what_the_text_says_is_added_and_marked(fake: FakeModel) -> None:
    fake.says(RIGHT)
    made = draft(fake)
    (added,) = made.further
    assert (added.metric, added.low, added.unit) == ("v_operating_v", 0.4, "V")
    assert (added.stack, added.proposed_by) == ("Pt/CsPbBr3/Ag", "language model")
    assert made.note.startswith("language model: 1 values added, 0 dropped")
    assert [row.found["endurance"].low for row in made.rows] == [7]
    (asked,) = fake.asked
    assert (asked["path"], asked["model"]) == ("/v1/chat/completions", "some-model")
    assert fake.keys == ["Bearer secret"]
    assert SENTENCE in asked["messages"][1]["content"]


def test_an_import_field_of_the_model_is_marked_in_the_draft(fake: FakeModel) -> None:
    fake.says(RIGHT | {"metric": "v_set_v"})
    assert 'v_set: "? 0.4 V"  # proposed by the language model' in draft_yaml(draft(fake))


@for_each(
    "change",
    [
        {"sentence": "The cells were tested 9000 times at 0.4 V."},  # invented
        {"value": "0.5 V"},  # not in its sentence
        {"value": "4 V"},  # part of a number
        {"value": "0.4"},  # without its unit
        {"metric": "endurance_cycles"},  # a unit of another metric
        {"metric": "beauty"},
        {"sentence": ""},
        {"value": ""},
    ],
)
def test_what_the_text_does_not_say_is_dropped(change: dict[str, str]) -> None:
    from pvkdb.literature.drafts.documents import read_document

    document = read_document(Upload("paper.txt", TEXT.encode()))
    proposal = model_module._Proposal(**(RIGHT | change))
    assert model_module._checked(proposal, document.sentences) is None
    assert model_module._checked(model_module._Proposal(**RIGHT), document.sentences)


def test_dropped_values_are_counted_and_known_ones_are_not_repeated(fake: FakeModel) -> None:
    known = {"sentence": "Its endurance is 7 cycles.", "metric": "endurance_cycles"}
    fake.says(RIGHT, RIGHT, RIGHT | {"value": "9 V"}, known | {"value": "7 cycles"})
    made = draft(fake)
    assert "1 values added, 1 dropped" in made.note
    assert len(made.rows) == 1


def test_a_material_that_the_sentence_does_not_name_is_left_out(fake: FakeModel) -> None:
    fake.says(RIGHT | {"material": "CsPbI3", "stack": "Au/CsPbI3/Au", "defect": "nonsense!"})
    (added,) = draft(fake).further
    assert (added.subject, added.stack, added.defect) == ("", "", "")


@for_each(
    "content",
    ["no JSON", '{"values": 3}', "[]", b"<html>", b"", b'{"choices": []}', b"[1]", b"{}" * 600_000],
)
def test_nonsense_is_counted_and_rules_propose(fake: FakeModel, content: str | bytes) -> None:
    fake.content = content
    made = draft(fake)
    assert "0 values added, 0 dropped" in made.note
    assert "1 unreadable answers" in made.note
    assert len(made.rows) == 1


def test_a_model_that_fails_is_asked_once(fake: FakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "PART", 40)
    fake.status = 500
    made = draft(fake, f"{TEXT} {TEXT} {TEXT}")
    assert "got no further requests" in made.note
    assert len(fake.asked) == 1
    assert made.rows


def test_a_model_that_does_not_answer_in_time_is_left(fake: FakeModel) -> None:
    fake.waits.clear()
    made = draft(fake, timeout_s=0.2)
    assert "timed out" in made.note
    assert made.rows


def test_a_long_paper_is_asked_for_in_parts(
    fake: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_module, "PART", 100)
    monkeypatch.setattr(model_module, "MOST_PARTS", 3)
    fake.says()
    draft(fake, "It is a film. " * 100)
    assert len(fake.asked) == 3


def test_the_model_is_off_by_default_and_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PVKDB_MODEL_KEY", "secret")
    assert ModelEndpoint.named("", "m") is None
    with pytest.raises(InputError, match="give its name with --model"):
        ModelEndpoint.named("http://127.0.0.1:9/v1/", "")
    made = ModelEndpoint.named("http://127.0.0.1:9/v1/", "m")
    assert made == ModelEndpoint("http://127.0.0.1:9/v1", "m", "secret")
