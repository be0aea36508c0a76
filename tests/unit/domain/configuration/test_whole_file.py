"""What holds for every configuration file: all its problems at once, and no unknown key anywhere."""

import copy
import json
import operator
from functools import reduce
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from image_builder_adapters.plugins import engines, signers
from image_builder_adapters.yaml_reader import parse_flawed
from image_builder_domain.configuration.keys import Configuration, configuration, schema
from image_builder_domain.problem import Problems
from returns.result import Result

from tests.given import COMPLETE

TREE: Any = yaml.safe_load(COMPLETE)


def load(text: str) -> Result[Configuration, Problems]:
    return parse_flawed(text, "f").bind(
        lambda found: configuration(found[0], "f", flaws=found[1], engines=engines(), signers=signers())
    )


def known_keys(node: dict[str, Any], path: tuple[str | int, ...] = ()) -> dict[tuple[str | int, ...], list[str]]:
    """The known keys of each mapping of the complete file, from the schema: the steps that lead there, and keys."""
    found: dict[tuple[str | int, ...], list[str]] = {}
    for one in (node, *node.get("anyOf", ())):
        if one.get("additionalProperties") is False:
            found[path] = list(one["properties"])
            for key, child in one["properties"].items():
                found |= known_keys(child, (*path, key))
    for index, rule in enumerate(node.get("items", {}).get("allOf", ())):
        found |= known_keys(node["items"] | rule["then"]["properties"], (*path, index))
        found |= known_keys(rule["then"]["properties"]["config"], (*path, index, "config"))
    return {steps: keys for steps, keys in found.items() if leads_somewhere(steps)}


def leads_somewhere(steps: tuple[str | int, ...]) -> bool:
    try:
        return isinstance(reduce(operator.getitem, steps, TREE), dict)
    except (KeyError, TypeError, IndexError):
        return False


KEYS = known_keys(schema(engines(), signers()))


def with_key(steps: tuple[str | int, ...], key: str) -> str:
    """The complete file with one more key somewhere; JSON is YAML."""
    tree = copy.deepcopy(TREE)
    reduce(operator.getitem, steps, tree)[key] = "x"
    return json.dumps(tree)


def distance(one: str, other: str) -> int:
    """How many letters must be inserted, removed, replaced or swapped with their neighbour."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, wanted in enumerate(other, 1):
            best = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != wanted))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (other[j - 2], wanted):
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]


@st.composite
def misspelt(draw: st.DrawFn) -> tuple[tuple[str | int, ...], str]:
    """A place in the file, and a key that is one slip away from one that is known there."""
    steps = draw(st.sampled_from(sorted(KEYS, key=str)))
    key = draw(st.sampled_from(KEYS[steps]))
    at = draw(st.integers(0, len(key) - 1))
    letter = draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz-_"))
    slips = (
        key[:at] + key[at + 1 :],
        key[:at] + letter + key[at:],
        key[:at] + letter + key[at + 1 :],
        key[:at] + key[at : at + 2][::-1] + key[at + 2 :],
    )
    return steps, draw(st.sampled_from(slips).filter(lambda word: word and word not in KEYS[steps]))


def test_every_mapping_of_the_file_is_among_those_tried() -> None:
    assert {"/".join(map(str, steps)) for steps in KEYS} == {
        "",
        "default-commit-tag",
        "publish",
        "cache",
        "sign-config",
        "sign-config/signers/0/config",
        "sign-config/signers/0/config/secret",
        "sign-config/signers/0",
        "sign-config/signers/1",
        "sign-config/signers/1/config",
        "ado-config",
        "ado-config/ado-retry-strategy",
    }


@given(
    st.sampled_from(sorted(KEYS, key=str)),
    st.text(st.characters(max_codepoint=0xD7FF), min_size=1, max_size=20),
)
def test_an_unknown_key_is_refused_wherever_it_stands(steps: tuple[str | int, ...], key: str) -> None:
    assume(key not in KEYS[steps])
    found = load(with_key(steps, key)).failure()
    assert [problem for problem in found if problem.what.startswith("unknown key ")]


@given(misspelt())
def test_a_misspelt_key_is_refused_with_one_that_is_nearest(slip: tuple[tuple[str | int, ...], str]) -> None:
    steps, key = slip
    (problem,) = load(with_key(steps, key)).failure()
    best = min(distance(key, known) for known in KEYS[steps])
    nearest = [known for known in KEYS[steps] if distance(key, known) == best]
    assert problem.what.startswith("unknown key ")
    assert problem.remedy in [f"did you mean {known!r}?" for known in nearest]


def test_problems_of_every_kind_are_reported_at_once_in_the_order_of_the_file() -> None:
    text = """\
registry: reg.example/a
dev-registry: reg.example/a
reproducible: maybe
log-format: text
log-format: json
registery: b
cache:
  enabled: true
  dev-cache-repo: other.example
  cache-rpo: c
tag-template: !x a
default-commit-tag: b
sign-config:
  enabled-signers: {acme: [a], '*': [notray]}
  signers:
    - {name: notary, type: notary, config: {endpoint: 'ftp://a', timeout: 5}}
    - {name: notary, type: cosign, config: {key: k, identity-token-file: t}}
ado-config: {ado-pipeline-id: 0, parameters: v4}
"""
    found = load(text).failure()
    assert [problem.where for problem in found] == [
        "f:2:15",  # overlaps
        "f:3:15",  # no boolean
        "f:5:1",  # a key twice
        "f:6:1",  # unknown
        "f:8:3",  # needs a repository
        "f:9:19",  # not below dev-registry
        "f:10:3",  # unknown
        "f:11:15",  # a tag of YAML
        "f:12:1",  # the same as the other
        "f:14:21",  # no repository
        "f:14:28",  # not defined
        "f:14:38",  # not defined
        "f:16:55",  # no https
        "f:16:75",  # no duration
        "f:17:14",  # defined twice
        "f:17:45",  # needs a public key
        "f:17:53",  # excludes the key
        "f:17:53",  # needs an identity
        "f:17:53",  # needs an issuer
        "f:18:13",  # no organization
        "f:18:13",  # no project
        "f:18:31",  # too small a number
        "f:18:46",  # unknown word
    ]


def test_the_complete_file_is_valid() -> None:
    found = load(COMPLETE).unwrap()
    assert (found.file, len(found.signers)) == ("f", 2)
