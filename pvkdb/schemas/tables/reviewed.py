"""Rows of the descriptive tables of the review paper: Tables 3 and 5 to 10."""

from __future__ import annotations

from typing import ClassVar

from pvkdb.schemas.tables.columns import (
    Row,
    as_printed_column,
    column,
    erratum_column,
    optional,
    references_column,
    source_column,
)


class ConductionRow(Row):
    """One conduction mechanism (Table 3 of the review)."""

    purpose: ClassVar[str] = "How current flows through a semiconducting device."
    primary_key: ClassVar[tuple[str, ...]] = ("mechanism",)

    mechanism: str = column("Name of the mechanism.", "printed", filter_by="Schottky emission")
    origin: str = column("Where the carriers come from, a sentence cut to a phrase.", "curated")
    iv_relationship: str = column(
        "Current I or its density J against the field E and the temperature T; constants and "
        "barriers are left out in print.",
        "printed",
    )
    temperature_dependence: str = column(
        "How strongly the current depends on temperature.",
        "printed",
        values=("Weak", "Moderate", "Strong"),
        filter_by="Weak",
        facet=True,
    )
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()


class ProcessingRow(Row):
    """One technique of making perovskite films or crystals (Table 5 of the review)."""

    purpose: ClassVar[str] = "How films are made, and what each technique costs."
    primary_key: ClassVar[tuple[str, ...]] = ("technique",)

    technique: str = column("Name of the technique.", "printed", filter_by="Spin-coating")
    route: str = column(
        "From solution or from vapor.",
        "printed",
        values=("solution", "vapor"),
        filter_by="solution",
        facet=True,
    )
    advantages: str | None = optional("Advantages, separated by `; `, reworded.", "curated")
    film_quality: str | None = optional(
        "Quality of the film, in the word of the print.", "printed", facet=True
    )
    scalability: str | None = optional(
        "How well it scales, in the word of the print.", "printed", facet=True
    )
    process: str | None = optional("Kind of process, e.g. `batch`.", "printed", facet=True)
    challenges: str | None = optional("Challenges, separated by `; `, reworded.", "curated")
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()


class ArrayChallengesRow(Row):
    """One aspect of one challenge of memristor arrays (Table 6 of the review)."""

    purpose: ClassVar[str] = "What limits crossbar arrays, and what helps."
    primary_key: ClassVar[tuple[str, ...]] = ("challenge", "aspect")

    challenge: str = column(
        "The challenge.",
        "printed",
        values=("ir-drop", "crosstalk", "sneak-path"),
        filter_by="sneak-path",
        facet=True,
    )
    aspect: str = column(
        "Which side of the challenge the row is about.",
        "printed",
        values=("causes", "impact", "scope", "mitigation"),
        filter_by="mitigation",
        facet=True,
    )
    statement: str = column("The statement, reworded.", "curated")
    spacing_to_thickness_ratio: float | None = optional(
        "Device spacing over device thickness that avoids the challenge, at least.",
        "printed",
        unit="1",
        minimum=0,
        empty="the cell prints no number",
    )
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()


class TestProtocolsRow(Row):
    """One synaptic or nociceptive function and its test (Tables 7 to 9 of the review)."""

    purpose: ClassVar[str] = "How to show that a device has a function."
    primary_key: ClassVar[tuple[str, ...]] = ("table", "function")

    table: int = column(
        "Number of the printed table.", "printed", unit="1", minimum=1, filter_by=7, facet=True
    )
    function: str = column(
        "The function, e.g. `STP` (short-term plasticity).", "printed", filter_by="STP", facet=True
    )
    device_requirement: str | None = optional("Requirement on the device.", "curated")
    pulse_protocol: str | None = optional("Applied pulses.", "curated")
    measured: str | None = optional("What is measured.", "curated")
    application: str | None = optional("Use of the function.", "curated")
    memristor_type: str | None = optional(
        "Type that the function needs.",
        "printed",
        values=("Volatile", "Non-volatile", "Transition"),
        filter_by="Volatile",
        facet=True,
    )
    references: str = references_column(empty="the table cites nothing")
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    erratum: str | None = erratum_column()


class BenchmarkDatasetsRow(Row):
    """One neural network of one publication on one data set (Table 10 of the review)."""

    purpose: ClassVar[str] = "Which tasks networks of perovskite devices solved, and how well."
    primary_key: ClassVar[tuple[str, ...]] = ("dataset", "network", "references", "conditions")

    dataset: str = column("Name of the data set.", "printed", filter_by="MNIST", facet=True)
    description: str | None = optional("What the data set shows.", "curated")
    classes: int | None = optional("Number of classes.", "printed", unit="1", minimum=2)
    image_width_px: int | None = optional("Width of an image.", "printed", unit="px", minimum=1)
    image_height_px: int | None = optional("Height of an image.", "printed", unit="px", minimum=1)
    color: str | None = optional(
        "Colours of an image.", "printed", values=("grayscale", "RGB"), facet=True
    )
    network: str | None = optional(
        "Kind of network: artificial, convolutional or spiking.",
        "printed",
        values=("ANN", "CNN", "SNN"),
        filter_by="CNN",
        facet=True,
    )
    material: str | None = optional(
        "Perovskite of the devices.", "curated", filter_by="MAPbI3", facet=True
    )
    structure: str | None = optional("Stack of the devices.", "curated")
    material_source: str | None = optional("Place that names material and stack.", "curated")
    accuracy_percent: float | None = optional(
        "Share of inputs classified rightly.", "printed", unit="%", minimum=0, maximum=100
    )
    conditions: str | None = optional(
        "Training, pulses or device model behind the accuracy.", "curated"
    )
    on_chip: str | None = optional(
        "`false` where the text says that the network was simulated.",
        "curated",
        values=("true", "false"),
    )
    references: str = references_column()
    source: str = source_column()
    as_printed: str | None = as_printed_column()
    accuracy_source: str | None = optional("Place that prints the accuracy.", "curated")
    accuracy_as_printed: str | None = optional("The accuracy, literally.", "printed")
    erratum: str | None = erratum_column()
