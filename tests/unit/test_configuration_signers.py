"""The part of the configuration file that says who signs: every key, and every mistake."""

import pytest
from image_builder_domain.configuration import Configuration, SignerDefinition, configuration
from image_builder_domain.job_type import JobType
from image_builder_domain.problem import Problem
from image_builder_domain.signer_settings import NotarySettings, SecretKind, SignerSecret

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
    return configuration(document(text), "config.yaml").unwrap()


def problems(text: str) -> tuple[Problem, ...]:
    return configuration(document(text), "config.yaml").failure()


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
    assert found.signers == (SignerDefinition("main", jobs, settings, "config.yaml:4:7"),)
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
    assert found.startswith("config.yaml:9:7: the signer 'main' is defined twice")


@pytest.mark.parametrize("key", ["acme", "'**'", "acme/", "acme/*", "'acme / demo'"])
def test_signers_are_enabled_for_everyone_or_for_a_repository(key: str) -> None:
    assert "is neither '*' nor org/repo" in problem(SIGNER.replace("'*'", key))


def test_every_wrong_key_of_the_enabled_signers_is_told() -> None:
    assert len(problems(SIGNER.replace("'*': [main]", "acme: [main]\n    demo: [main]"))) == 2


def test_cosign_is_not_supported_yet() -> None:
    text = "sign-config: {signers: [{name: c, type: cosign, config: {key: /keys/cosign.key}}]}"
    found = problems(text)
    assert "config.yaml:1:41: sign-config.signers[0].type: signers of type 'cosign' are not supported yet" in str(
        found[0]
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("type: notary", "type: notray", "did you mean 'notary'?"),
        ("- name: main\n      type", "- type", "signers[0].name is missing"),
        ("type: notary", "type: notary\n      job-type: [local]", "job-type[0] cannot be 'local'"),
        ("type: notary", "type: notary\n      job-type: [postsubmitt]", "did you mean 'postsubmit'?"),
        ("type: notary", "type: notary\n      job-type: postsubmit", "job-type must be a list"),
        ("endpoint: https://sign.example/sign", "timeout: 5s", "config.endpoint is missing"),
        ("https://sign.example/sign", "ftp://sign.example", "no http or https URL"),
        ("https://sign.example/sign", "https://user:word@sign.example", "no http or https URL"),
        ("https://sign.example/sign", "https://sign.example?token=x", "no http or https URL"),
        ("sign.example/sign", "sign.example/sign\n        timeout: -1s", "'-1s' is no duration"),
        ("sign.example/sign", "sign.example/sign\n        secret: {path: /s}", "secret.type is missing"),
        ("sign.example/sign", "sign.example/sign\n        secret: {path: /s, type: mlts}", "did you mean 'mtls'?"),
    ],
)
def test_a_mistake_in_a_signer_is_told(old: str, new: str, told: str) -> None:
    assert told in "\n".join(map(str, problems(SIGNER.replace(old, new))))


def test_the_password_in_an_endpoint_is_not_shown() -> None:
    assert "word" not in problem(SIGNER.replace("https://sign", "https://user:word@sign"))
