"""The JSON Schema accepts what the loader accepts and refuses what it refuses, as far as a schema can say it."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from image_builder_adapters.plugins import engines, signers
from image_builder_adapters.yaml_reader import parse_flawed
from image_builder_domain.configuration.keys import configuration, schema
from returns.pipeline import is_successful

from tests.given import COMPLETE

ROOT = Path(__file__).parents[4]
CORPUS: dict[str, dict[str, str]] = yaml.safe_load((Path(__file__).parent / "corpus.yaml").read_text())
EXAMPLES = {
    "examples/hello": (ROOT / "examples/hello/image-builder-config.yaml")
    .read_text()
    .replace("REGISTRY", "localhost:5000")
    .replace("MIRROR", "127.0.0.1:5001")
    .replace("SIGNER", "https://localhost:5002/sign"),
    "the test of every key": COMPLETE,
    **{
        page: re.findall(r"```yaml\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)[0]
        for page in ("README.md", "docs/configuration.md")
    },
}
VALIDATOR = jsonschema.Draft202012Validator(schema(engines(), signers()))


class Editor(yaml.SafeLoader):
    """Reads YAML 1.2 (core schema), as editors do."""


Editor.yaml_implicit_resolvers = {}


CORE = {
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "null": r"~|null|Null|NULL|",
}
for kind, pattern in CORE.items():
    Editor.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern})$"), None)
Editor.add_multi_constructor("!", lambda loader, _tag, node: loader.construct_scalar(node))


def in_editor(text: str) -> list[str]:
    """What an editor with the schema marks."""
    return [error.message for error in VALIDATOR.iter_errors(yaml.load(text, Loader=Editor))]


def loads(text: str) -> bool:
    return is_successful(
        parse_flawed(text, "f").bind(
            lambda found: configuration(found[0], "f", flaws=found[1], engines=engines(), signers=signers())
        )
    )


def cases(part: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("text", CORPUS[part].values(), ids=list(CORPUS[part]))


def test_the_verb_schema_prints_it_as_one_document() -> None:
    code = "import sys; from image_builder.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-I", "-c", code, "schema"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == schema(engines(), signers())


def test_the_schema_is_one_of_json_schema_2020_12() -> None:
    assert schema(engines(), signers())["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema(engines(), signers()))
    assert json.loads(json.dumps(schema(engines(), signers()))) == schema(engines(), signers())


def test_every_key_is_described() -> None:
    def undescribed(node: dict[str, Any], path: str) -> list[str]:
        found = [] if "description" in node or not path else [path]
        for key, child in node.get("properties", {}).items():
            found += undescribed(child, f"{path}.{key}")
        return found

    assert undescribed(schema(engines(), signers()), "") == []


@pytest.mark.parametrize("text", EXAMPLES.values(), ids=list(EXAMPLES))
def test_the_examples_are_valid_to_both(text: str) -> None:
    assert in_editor(text) == []
    assert loads(text)


@cases("accepted")
def test_both_accept(text: str) -> None:
    assert in_editor(text) == []
    assert loads(text)


@cases("refused")
def test_both_refuse(text: str) -> None:
    assert not loads(text)
    assert in_editor(text) != []


@cases("refused-by-the-loader-alone")
def test_what_a_schema_cannot_say_the_loader_refuses(text: str) -> None:
    assert not loads(text)
    assert in_editor(text) == []
