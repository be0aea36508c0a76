"""Signing images that exist: what is signed is what was resolved, and a tag that moves is reported."""

from collections.abc import Iterable, Iterator

import pytest
from image_builder.workflows.sign import SigningPorts, sign_images
from image_builder_adapters.notary.settings import NotarySettings
from image_builder_contracts.cancellation import ManualCancellation
from image_builder_domain.configuration.signing import SignerDefinition
from image_builder_domain.exit_code import ExitCode, Interruption
from image_builder_domain.failure import BadCredentials, NotFound, RegistryFailure
from image_builder_domain.image.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest
from image_builder_domain.image.reference import Digest, ImageReference, Repository
from image_builder_domain.job.git_state import CiSystem, GitState, JobType
from image_builder_domain.plan.signing import SignerChoice, SignPlan
from image_builder_domain.ports import Cancellation
from image_builder_domain.signing import SignatureStatus
from returns.result import Failure, Result, Success

from tests.jobs import as_claimed
from tests.unit.listener import Heard
from tests.unit.signer import Signer

ONE, TWO = (Digest(f"sha256:{letter * 64}") for letter in "ab")
STATE = GitState(CiSystem.PROW, JobType.POSTSUBMIT, "1" * 40, "acme", "demo")


def manifest(digest: Digest, kind: str = OCI_MANIFEST) -> Manifest:
    return Manifest(Descriptor(kind, digest, 7), None, ())


class Registry:
    """Answers every reference from its own list, the last answer again and again."""

    def __init__(self, **answers: list[Manifest | None]) -> None:
        self._answers = {tag: iter([*found, *[found[-1]] * 9]) for tag, found in answers.items()}

    def check(self, repositories: Iterable[Repository]) -> Result[None, BadCredentials]:
        return Success(None)

    def resolve(self, reference: ImageReference, cancellation: Cancellation) -> Result[Manifest, RegistryFailure]:
        answers: Iterator[Manifest | None] = self._answers[reference.tag or str(reference.digest)]
        answer = next(answers)
        return Success(answer) if answer is not None else Failure(NotFound(str(reference)))


def plan(*references: str) -> SignPlan:
    definition = SignerDefinition("s", "notary", (), NotarySettings("https://signing.example"), "config.yaml:1:1")
    parsed = tuple(ImageReference.parse(text).unwrap() for text in references)
    return SignPlan(as_claimed(STATE), parsed, (SignerChoice(definition, True, "enabled by '*'"),))


def test_a_tag_that_moved_while_it_was_signed_fails_with_both_digests() -> None:
    signer, listener = Signer(), Heard()
    ports = SigningPorts(Registry(v1=[manifest(ONE), manifest(TWO)]), {"s": signer})
    outcome = sign_images(plan("r.example/a:v1"), ports, listener, ManualCancellation())
    assert [image.descriptor.digest for image in signer.images] == [ONE]
    assert outcome.exit_code() == ExitCode.SIGNING_FAILED
    assert str(ONE) in listener.errors[0]
    assert str(TWO) in listener.errors[0]


def test_a_tag_that_vanished_while_it_was_signed_fails() -> None:
    ports = SigningPorts(Registry(v1=[manifest(ONE), None]), {"s": Signer()})
    outcome = sign_images(plan("r.example/a:v1"), ports, Heard(), ManualCancellation())
    assert outcome.exit_code() == ExitCode.SIGNING_FAILED


@pytest.mark.parametrize("answer", [None, manifest(ONE, OCI_INDEX)], ids=["missing", "index"])
def test_one_that_cannot_be_signed_stops_all(answer: Manifest | None) -> None:
    signer, listener = Signer(), Heard()
    ports = SigningPorts(Registry(v1=[manifest(ONE)], v2=[answer]), {"s": signer})
    outcome = sign_images(plan("r.example/a:v1", "r.example/a:v2"), ports, listener, ManualCancellation())
    assert signer.images == ()
    assert outcome.exit_code() == ExitCode.SIGNING_FAILED
    assert len(listener.errors) == 1
    assert listener.errors[0].count("r.example/a:v2") == 1


def test_one_failing_signer_does_not_stop_the_others() -> None:
    good, bad, listener = Signer(), Signer(SignatureStatus.FAILED), Heard()
    ports = SigningPorts(Registry(v1=[manifest(ONE)]), {"bad": bad, "good": good})
    outcome = sign_images(plan("r.example/a:v1"), ports, listener, ManualCancellation())
    assert len(good.images) == 1
    assert outcome.exit_code() == ExitCode.SIGNING_FAILED
    assert listener.errors == ["s: r.example/a:v1: refused"]


def test_a_tag_that_nobody_signed_is_not_asked_again() -> None:
    listener = Heard()
    ports = SigningPorts(Registry(v1=[manifest(ONE), None]), {"bad": Signer(SignatureStatus.FAILED)})
    outcome = sign_images(plan("r.example/a:v1"), ports, listener, ManualCancellation())
    assert outcome.exit_code() == ExitCode.SIGNING_FAILED
    assert listener.errors == ["s: r.example/a:v1: refused"]


def test_an_interruption_after_everything_was_signed_changes_nothing() -> None:
    cancellation = ManualCancellation()
    cancellation.cancel(Interruption.SIGTERM)
    ports = SigningPorts(Registry(v1=[manifest(ONE)]), {"s": Signer()})
    assert sign_images(plan("r.example/a:v1"), ports, Heard(), cancellation).exit_code() == ExitCode.DONE


def test_an_interruption_before_is_the_exit_code() -> None:
    cancellation = ManualCancellation()
    cancellation.cancel(Interruption.SIGTERM)
    ports = SigningPorts(Registry(v1=[None]), {"s": Signer()})
    assert sign_images(plan("r.example/a:v1"), ports, Heard(), cancellation).exit_code() == ExitCode.SIGTERM
