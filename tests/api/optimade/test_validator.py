"""The validator of optimade-python-tools against the running service, on both databases."""

from __future__ import annotations

import random

import pytest
from optimade.validator import ImplementationValidator

from .conftest import served

#: What the reference server of optimade-python-tools passes with its own data.
MANDATORY, OPTIONAL = 58, 14


# The validator itself reads model fields from instances, which pydantic would like to forbid.
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")
def test_the_validator_finds_nothing_wrong(address):
    validate(address)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211")
def test_the_validator_finds_nothing_wrong_in_a_store_as_init_makes_it(computed_store):
    with served(computed_store) as address:
        validate(address)


def validate(address: str) -> None:
    random.seed(2145)  # it draws the entries and fields that it asks for
    validator = ImplementationValidator(base_url=f"{address}/optimade/v1", verbosity=-1)
    validator.validate_implementation()
    results = validator.results
    assert results.failure_messages == []
    assert results.internal_failure_messages == []
    assert results.optional_failure_messages == []
    assert validator.valid
    assert results.success_count >= MANDATORY
    assert results.optional_success_count >= OPTIONAL
