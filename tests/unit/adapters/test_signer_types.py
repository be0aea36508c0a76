"""Types of signers from other packages: found by entry points when they are named, and kept from harming the run."""

import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from textwrap import dedent

import pytest
from image_builder_adapters.guarded_signer import guarded
from image_builder_adapters.redaction import Redactor
from image_builder_adapters.signer_types import GROUP, signer_configurations, signer_type
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.signer import IMAGES
from image_builder_domain.configuration.file import Configuration, configuration
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Cancellation
from image_builder_domain.problem import Problems
from image_builder_domain.signer_type import Surroundings
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus, SignerMisconfigured
from returns.pipeline import is_successful
from returns.result import Result, Success

from tests.foreign_package import Package
from tests.unit.yaml_document import document

AROUND = Surroundings({}, Redactor())
MODULE = """
    from typing import NamedTuple
    from image_builder_domain.configuration import decoder as read
    from image_builder_domain.signer_type import SignerType

    class Settings(NamedTuple):
        number: str
        signs_indexes: bool = True
        needs_tags: bool = False

    CONFIG = read.fields({"number": read.text}, ("number",)).into(lambda values: Settings(values["number"]))
    FAX = SignerType(CONFIG, lambda name, settings, around: None)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> "Faxes":
    monkeypatch.syspath_prepend(str(tmp_path))
    return Faxes(tmp_path, re.sub(r"\W", "_", request.node.name), GROUP)


class Faxes(Package):
    def install(self, module: str = MODULE, name: str = "fax", value: str = "FAX", package: str = "faxes") -> None:
        super().install(module, name, value, package)


def load(kind: str = "fax", config: str = "{number: 010}") -> Result[Configuration, Problems]:
    text = f"sign-config: {{signers: [{{name: f, type: {kind}, config: {config}}}]}}"
    return configuration(document(text), "config.yaml", signer_types=signer_configurations)


def problem(kind: str = "fax", config: str = "{number: 010}") -> str:
    (only,) = load(kind, config).failure()
    return str(only)


def test_ours_are_registered_as_anybody_elses() -> None:
    ours = [entry for entry in distribution("oci-image-builder").entry_points if entry.group == GROUP]
    assert {entry.name: entry.load() for entry in ours} == {name: signer_type(name) for name in ("notary", "cosign")}


def test_a_package_adds_a_type(package: Faxes) -> None:
    package.install()
    (signer,) = load().unwrap().signers
    assert (signer.type, repr(signer.settings)) == (
        "fax",
        "Settings(number='010', signs_indexes=True, needs_tags=False)",
    )
    assert list(signer_configurations()) == ["notary", "cosign", "fax"]


def test_its_configuration_is_as_strict_as_ours(package: Faxes) -> None:
    package.install()
    assert "unknown key 'sign-config.signers[0].config.numbr'" in "\n".join(
        map(str, load(config="{numbr: 1}").failure())
    )


def test_a_type_that_nobody_brings_is_refused_with_the_nearest(package: Faxes) -> None:
    package.install()
    assert "type cannot be 'fx'; did you mean 'fax'?" in problem("fx")


def test_ours_cannot_be_replaced(package: Faxes) -> None:
    package.install(name="notary")
    assert "config.endpoint is missing" in "\n".join(map(str, load("notary", "{number: 1}").failure()))


def test_two_packages_with_the_same_type_are_refused(package: Faxes) -> None:
    package.install()
    package.install(package="telefax")
    assert "several packages bring a type 'fax': faxes 1.2, telefax 1.2; mend or remove" in problem()


@pytest.mark.parametrize(
    ("module", "value", "told"),
    [
        pytest.param("raise RuntimeError('hunter2')", "FAX", "faxes 1.2 cannot be loaded: RuntimeError", id="raises"),
        pytest.param("", "FAX", "faxes 1.2 cannot be loaded: AttributeError", id="no-such-name"),
        pytest.param("import no_such_module_here", "FAX", "cannot be loaded: ModuleNotFoundError", id="no-module"),
        pytest.param("FAX = 7", "FAX", "faxes 1.2 is no SignerType", id="other-object"),
    ],
)
def test_a_package_that_cannot_be_used_is_told_where_it_is_named(
    module: str, value: str, told: str, package: Faxes
) -> None:
    package.install(module, value=value)
    assert told in problem()
    assert "config.yaml:1:" in problem()
    assert "hunter2" not in problem()


@pytest.mark.parametrize(
    ("config", "told"),
    [
        pytest.param("read.text.into(lambda _: 1 / 0)", "failed: ZeroDivisionError", id="raises"),
        pytest.param("read.text", "failed: AttributeError", id="settings-that-are-none"),
    ],
)
def test_a_decoder_with_a_bug_is_a_problem(config: str, told: str, package: Faxes) -> None:
    package.install(f"{dedent(MODULE)}\nFAX = SignerType({config}, None)\n")
    assert f"reading the configuration of a 'fax' signer {told}" in problem(config="x")


LOOKS = """
import sys
from image_builder_adapters.signer_types import signer_configurations, signer_type
types = signer_configurations()
_ = types["notary"], "cosign" in types
print("importlib.metadata" in sys.modules, "image_builder_adapters.notary.signer" in sys.modules)
"""


def test_for_our_own_types_nobody_looks_through_packages_and_no_signer_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKS], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


# --- signers of other packages ----------------------------------------------------------------------------------------


class Works:
    """A signer of another package; each fault overrides one thing."""

    def prepare(self) -> Result[None, SignerMisconfigured]:
        return Success(None)

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        return f"{len(images)} faxes"

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        del cancellation
        signed = SignatureStatus.SIGNED
        return tuple(SignatureResult("f", one.reference, one.descriptor.digest, signed, 1, 0.5) for one in images)


def sign(signer: Works) -> tuple[SignatureResult, ...]:
    return guarded(lambda _name, _settings, _around: signer)("f", None, AROUND).sign(IMAGES, ManualCancellation())


def test_a_signer_that_works_is_passed_through() -> None:
    made = guarded(lambda _name, _settings, _around: Works())("f", None, AROUND)
    assert is_successful(made.prepare())
    assert made.describe(()) == "0 faxes"
    assert made.sign(IMAGES, ManualCancellation()) == Works().sign(IMAGES, ManualCancellation())


class Raises(Works):
    def prepare(self) -> Result[None, SignerMisconfigured]:
        raise ValueError("hunter2")

    def describe(self, images: tuple[ImageReference, ...]) -> str:
        raise ValueError(f"hunter2 {images}")

    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        raise ValueError(f"hunter2 {images} {cancellation}")


def test_an_exception_is_a_failure_without_its_text() -> None:
    made = guarded(lambda _name, _settings, _around: Raises())("f", None, AROUND)
    results = made.sign(IMAGES, ManualCancellation())
    shown = [str(made.prepare().failure()), made.describe(()), *(one.reason for one in results)]
    assert all("a bug in this signer's package: ValueError" in text for text in shown)
    assert "hunter2" not in "".join(shown)
    assert [(one.reference, one.status) for one in results] == [
        (one.reference, SignatureStatus.FAILED) for one in IMAGES
    ]


def test_a_signer_that_cannot_be_made_is_a_failure() -> None:
    made = guarded(lambda _name, _settings, _around: 1 / 0)("f", None, AROUND)  # type: ignore[arg-type, return-value] # as bad as it gets
    assert "ZeroDivisionError" in str(made.prepare().failure())


class ForgetsOne(Works):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return super().sign(images[1:], cancellation)


class AnotherOrder(Works):
    def sign(self, images: tuple[ImageToSign, ...], cancellation: Cancellation) -> tuple[SignatureResult, ...]:
        return super().sign(images[::-1], cancellation)


@pytest.mark.parametrize("signer", [ForgetsOne(), AnotherOrder()])
def test_results_about_something_else_are_not_believed(signer: Works) -> None:
    results = sign(signer)
    assert [one.reference for one in results] == [one.reference for one in IMAGES]
    assert {one.reason for one in results} == {"its results are not about what it was asked to sign"}
