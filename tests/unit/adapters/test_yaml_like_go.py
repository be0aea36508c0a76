"""Scalars are read into typed fields as Go's yaml.v3 reads them, or refused.

``yaml_v3_answers.json`` holds what ``gopkg.in/yaml.v3`` v3.0.1 made of each scalar (what follows ``k: ``) in fields of
type ``*string``, ``*bool``, ``*int`` and ``*time.Duration`` (nanoseconds); a missing key is a refusal, or no value.
"""

import json
from functools import partial
from pathlib import Path

import pytest
from image_builder_adapters.yaml_reader import parse_document
from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.decoder import duration, whole_number
from returns.pipeline import is_successful

ANSWERS = json.loads((Path(__file__).parent / "yaml_v3_answers.json").read_text())
TYPES: dict[str, read.Decoder[object]] = {
    "string": read.text,
    "bool": read.boolean,
    "int": whole_number(-(2**63), 2**63 - 1),
    "duration": duration(zero=True).into(lambda seconds: round(seconds * 1e9)),
}
STRICTER = {
    "''": "text is never empty",
    "-5m": "nothing here waits for negative time",
    "0": "Go's grammar of durations knows 0, yaml.v3 only when it is quoted",
    "1.10": "a number with a fraction is not a whole number",
    "1.5": "a number with a fraction is not a whole number",
    ".5": "a number with a fraction is not a whole number",
    "-.5": "a number with a fraction is not a whole number",
    "1e-1": "a number with a fraction is not a whole number",
    "1_0.5": "a number with a fraction is not a whole number",
    "! 12": "the tag ! means text",
    "!!binary aGk=": "tags of no use here",
    "!!float 1.5": "tags of no use here",
    "!!float 1": "tags of no use here",
    "!!timestamp 2024-01-02": "tags of no use here",
    "!!python/none x": "tags of no use here",
    "!x y": "tags of no use here",
}


def ours(scalar: str) -> dict[str, object]:
    document = parse_document(f"k: {scalar}\n", "f")
    found = {}
    for name, decoder in TYPES.items():
        value = document.bind(partial(read.decode, read.fields({"k": decoder})))
        if is_successful(value):
            found[name] = value.unwrap()["k"]
    return found


@pytest.mark.parametrize("scalar", ANSWERS)
def test_a_scalar_is_what_go_makes_of_it(scalar: str) -> None:
    found, go = ours(scalar), ANSWERS[scalar]
    assert {name: value for name, value in found.items() if value != go.get(name) and scalar != "0"} == {}
    assert found == go or scalar in STRICTER
