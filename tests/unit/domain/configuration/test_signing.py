"""The part of the configuration file that says who signs: every key, and every mistake."""

from typing import NamedTuple

import pytest
from image_builder_adapters.notary.settings import NotarySettings, SecretKind, SignerSecret
from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.keys import Configuration, configuration, schema
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problem, problems_of
from image_builder_domain.signer_type import SignerType

from tests.given import loaded
from tests.unit.yaml_document import document

SIGNER = """\
sign-config:
  enabled-signers:
    '*': [main]
  signers:
    - name: main
      type: notary
      config:
        endpoint: https://sign.example/sign
"""


def load(text: str) -> Configuration:
    return loaded(text).unwrap()


def problems(text: str) -> tuple[Problem, ...]:
    return loaded(text).failure()


def problem(text: str) -> str:
    (only,) = problems(text)
    return str(only)


def test_every_key_of_a_signer() -> None:
    found = load(
        "sign-config:\n"
        "  enabled-signers: {'*': [main], acme/demo: [main]}\n"
        "  signers:\n"
        "    - name: main\n"
        "      type: notary\n"
        "      job-type: [presubmit, merge_group]\n"
        "      config:\n"
        "        endpoint: https://sign.example/sign\n"
        "        timeout: 1m30s\n"
        "        retry-timeout: 2s\n"
        "        secret: {path: /secret/mtls, type: mtls}\n"
    )
    settings = NotarySettings("https://sign.example/sign", 90, 2, SignerSecret("/secret/mtls", SecretKind.MTLS))
    jobs = (JobType.PRESUBMIT, JobType.MERGE_GROUP)
    assert found.signers == (SignerDefinition("main", "notary", jobs, settings, "config.yaml:4:7"),)
    assert found.enabled_signers == {"*": ("main",), "acme/demo": ("main",)}


def test_a_signer_needs_only_name_type_and_endpoint() -> None:
    (signer,) = load(SIGNER).signers
    assert (signer.job_types, signer.settings) == ((), NotarySettings("https://sign.example/sign", None, 10, None))


def test_a_signer_that_is_enabled_but_not_defined_is_refused_with_the_nearest() -> None:
    found = problem(SIGNER.replace("[main]", "[mian]"))
    assert "enabled-signers['*'] names 'mian', which is not defined; did you mean 'main'?" in found


def test_a_signer_enabled_without_any_definition_is_refused() -> None:
    assert "define it below sign-config.signers" in problem("sign-config: {enabled-signers: {'*': [main]}}")


def test_a_signer_defined_twice_is_refused_at_the_second() -> None:
    found = problem(SIGNER + SIGNER[SIGNER.index("    - name") :])
    assert found.startswith("config.yaml:9:13: the signer 'main' is defined twice, first at config.yaml:5:13")


@pytest.mark.parametrize("key", ["acme", "'**'", "acme/", "acme/*", "'acme / demo'"])
def test_signers_are_enabled_for_everyone_or_for_a_repository(key: str) -> None:
    assert "is not '*' or org/repo" in problem(SIGNER.replace("'*'", key))


def test_every_wrong_key_of_the_enabled_signers_is_reported() -> None:
    assert len(problems(SIGNER.replace("'*': [main]", "acme: [main]\n    demo: [main]"))) == 2


class Fax(NamedTuple):
    """Settings of a signer of a type from another package."""

    number: str
    signs_indexes: bool = True
    needs_tags: bool = False


def test_types_of_signers_can_be_added() -> None:
    config = read.fields({"number": read.text}, ("number",)).into(lambda values: Fax(values["number"]))
    types = {"fax": SignerType(config, lambda _name, _settings, _around: NotImplemented)}
    text = "sign-config: {signers: [{name: f, type: fax, config: {number: 010}}, {name: g, type: notary, config: {}}]}"

    found = problems_of(configuration(document(text), "f", signers=types))
    assert [problem.what for problem in found] == ["sign-config.signers[1].type cannot be 'notary'"]
    good = text.replace(", {name: g, type: notary, config: {}}", "")
    (signer,) = configuration(document(good), "f", signers=types).unwrap().signers
    assert (signer.type, signer.settings) == ("fax", Fax("010"))
    assert "fax" in str(schema(signers=types))


def test_a_signer_whose_configuration_is_wrong_is_defined_all_the_same() -> None:
    found = problems(SIGNER.replace("https://sign", "ftp://sign"))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("old", "new", "reported"),
    [
        ("type: notary", "type: notray", "did you mean 'notary'?"),
        ("- name: main\n      type", "- type", "signers[0].name is missing"),
        ("type: notary", "type: notary\n      job-type: [local]", "job-type[0] cannot be 'local'"),
        ("type: notary", "type: notary\n      job-type: [postsubmitt]", "did you mean 'postsubmit'?"),
        ("type: notary", "type: notary\n      job-type: postsubmit", "job-type must be a list"),
        ("endpoint: https://sign.example/sign", "timeout: 5s", "config.endpoint is missing"),
        ("https://sign.example/sign", "ftp://sign.example", "not an http or https URL"),
        ("https://sign.example/sign", "https://user:word@sign.example", "not an http or https URL"),
        ("https://sign.example/sign", "https://sign.example#x", "not an http or https URL"),
        ("sign.example/sign", "sign.example/sign\n        timeout: -1s", "'-1s' is too short"),
        ("sign.example/sign", "sign.example/sign\n        secret: {path: /s}", "secret.type is missing"),
        ("sign.example/sign", "sign.example/sign\n        secret: {path: /s, type: mlts}", "did you mean 'mtls'?"),
    ],
)
def test_a_mistake_in_a_signer_is_reported(old: str, new: str, reported: str) -> None:
    assert reported in "\n".join(map(str, problems(SIGNER.replace(old, new))))


def test_the_password_in_an_endpoint_is_not_shown() -> None:
    assert "word" not in problem(SIGNER.replace("https://sign", "https://user:word@sign"))


def test_the_query_of_an_endpoint_is_used_and_not_shown() -> None:
    (signer,) = loaded(SIGNER.replace("sign.example/sign", "sign.example/sign?code=x1")).unwrap().signers
    settings = signer.settings
    assert isinstance(settings, NotarySettings)
    assert (settings.endpoint, settings.shown_endpoint) == (
        "https://sign.example/sign?code=x1",
        "https://sign.example/sign?…",
    )
