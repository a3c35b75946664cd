"""Proposals of a language model: what the text does not say literally is dropped and counted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice

import httpx
from pydantic import BaseModel, ValidationError

from pvkdb.chemistry import Defect
from pvkdb.errors import InputError
from pvkdb.literature.drafts.documents import Document, Sentence
from pvkdb.literature.drafts.quantities import quantities
from pvkdb.literature.drafts.statements import FoundValue, asked_because, found_value
from pvkdb.literature.drafts.words import metric_words
from pvkdb.schemas import parse_json

#: Characters of the text in a request, most requests of a draft, and largest answer in bytes.
PART, MOST_PARTS, MAX_ANSWER = 12_000, 60, 1_000_000
_TASK = """\
List the figures of halide-perovskite devices and the energies of their defects in the text. Answer
with JSON: {{"values": [{{"sentence": "", "metric": "", "value": "", "material": "", "stack": "",
"defect": ""}}]}}. Copy the sentence, the value with its unit, the material and the stack literally
from the text; write defects as V_I, I_i or I. Metrics: {metrics}."""


class _Proposal(BaseModel):
    sentence: str
    metric: str
    value: str
    material: str = ""
    stack: str = ""
    defect: str = ""


class _Answer(BaseModel):
    values: list[_Proposal]


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """An OpenAI-compatible service, its model, and the key if it needs one."""

    url: str
    model: str
    key: str = ""
    timeout_s: float = 120.0

    @classmethod
    def named(cls, url: str, model: str) -> ModelEndpoint | None:
        """Return an endpoint, with the key in ``PVKDB_MODEL_KEY``; None without an address.

        Raises:
            InputError: the address is given without a model.
        """
        if url and not model:
            raise InputError("a language model is to be asked; give its name with --model")
        key = os.environ.get("PVKDB_MODEL_KEY", "")
        return cls(url.rstrip("/"), model, key) if url else None

    def ask(self, text: str) -> list[_Proposal]:
        """Return what the model proposes for a part of a paper.

        Raises:
            httpx.HTTPError: the endpoint does not answer in time, or answers with an error.
            ValueError: the answer does not have the requested form.
        """
        metrics = sorted({entry.name for entry in metric_words()} - {""})
        task = _TASK.format(metrics=", ".join(metrics))
        answer = httpx.post(
            f"{self.url}/chat/completions",
            headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
            timeout=self.timeout_s,
            json={
                "model": self.model,
                "temperature": 0,
                "response_format": {"type": "json_object"},
                "messages": [
                    {"role": "system", "content": task},
                    {"role": "user", "content": text},
                ],
            },
        ).raise_for_status()
        if len(answer.content) > MAX_ANSWER:
            raise ValueError(f"the answer has {len(answer.content)} bytes")
        try:
            content = parse_json(answer.content)["choices"][0]["message"]["content"]
            return _Answer.model_validate_json(content).values
        except (LookupError, TypeError, ValidationError) as error:
            raise ValueError("the answer is not the requested JSON") from error


@dataclass(slots=True)
class ModelProposals:
    """What a model added: its values, the number of dropped ones, and why it stopped."""

    values: list[FoundValue]
    dropped: int = 0
    unreadable: int = 0
    failure: str = ""

    def summary(self) -> str:
        """Return in a sentence what the model added and what was dropped."""
        said = (
            f"language model: {len(self.values)} values added, {self.dropped} dropped because the "
            f"text does not say them, {self.unreadable} unreadable answers"
        )
        return f"{said}; {self.failure}" if self.failure else said


def ask_model(
    document: Document, endpoint: ModelEndpoint, known: Sequence[FoundValue]
) -> ModelProposals:
    """Return the values that a model finds in a paper beyond those known.

    A value is dropped, and counted, if its sentence is not in the text, if it is not in its
    sentence, or if its unit is not that of its metric.
    """
    outcome = ModelProposals([])
    have = {(one.metric, one.low, one.high, one.sentence) for one in known}
    for part in islice(_parts(document.sentences), MOST_PARTS):
        try:
            proposals = endpoint.ask("\n".join(sentence.text for sentence in part))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome.failure = (
                f"it failed and got no further requests: {error or type(error).__name__}"
            )
            break
        except ValueError:
            outcome.unreadable += 1
            continue
        for proposal in proposals:
            value = _checked(proposal, part)
            if value is None:
                outcome.dropped += 1
            elif (key := (value.metric, value.low, value.high, value.sentence)) not in have:
                have.add(key)
                outcome.values.append(value)
    return outcome


def _parts(sentences: Sequence[Sentence]) -> Iterator[list[Sentence]]:
    part: list[Sentence] = []
    length = 0
    for sentence in sentences:
        if part and length + len(sentence.text) > PART:
            yield part
            part, length = [], 0
        part.append(sentence)
        length += len(sentence.text)
    if part:
        yield part


def _checked(proposal: _Proposal, part: Sequence[Sentence]) -> FoundValue | None:
    """Return a proposal as a value of the text; None if the text does not say it literally."""
    quoted, printed = " ".join(proposal.sentence.split()), " ".join(proposal.value.split())
    units = {entry.unit for entry in metric_words() if entry.name == proposal.metric != ""}
    named = [(one.unit, one.low, one.high) for one in quantities(printed)]
    for sentence in part if quoted and len(named) == 1 and printed in quoted else ():
        start = sentence.text.find(quoted)
        for quantity in quantities(sentence.text) if start >= 0 else ():
            same = (quantity.unit, quantity.low, quantity.high) == named[0]
            if same and quantity.unit in units and start < quantity.end <= start + len(quoted):
                defect = ""
                with suppress(InputError):
                    defect = Defect.parse(proposal.defect).label
                return replace(
                    found_value(quantity, proposal.metric, sentence, printed),
                    subject=proposal.material if proposal.material in sentence.text else "",
                    stack=proposal.stack if proposal.stack in sentence.text else "",
                    defect=defect,
                    asked=asked_because(sentence.text, quantity, proposal.metric),
                    proposed_by="language model",
                )
    return None
