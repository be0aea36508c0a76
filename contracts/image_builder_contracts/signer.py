"""The contract of ``Signer``: what every signer keeps, for any program or service behind it.

Subclass :class:`SignerContract` and give it a :class:`SignerBench`: a signer under test, and a view of what is behind
it. A signer that asks a service over HTTP keeps more: :class:`SigningServiceContract`, with a :class:`ServiceBench`.
Our own stand-in for a notary service is in :mod:`image_builder_stand_ins.signing_service`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.image.reference import Digest, ImageReference
from image_builder_domain.ports import Signer
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.pipeline import is_successful

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of

MOST_ATTEMPTS = 5
_CONFIG = "application/vnd.oci.image.config.v1+json"


def image(name: str, number: int, tag: str = "v20260102-abcdef12") -> ImageToSign:
    """An image of one platform; ``number`` (below 16) makes its digests."""
    reference = ImageReference.parse(f"reg.example/dev/{name}:{tag}").unwrap()
    manifest = Descriptor(OCI_MANIFEST, Digest("sha256:" + f"{number:x}" * 64), 500 + number)
    config = Descriptor(_CONFIG, Digest("sha256:" + f"{15 - number:x}" * 64), 1000 + number)
    return ImageToSign(reference, manifest, config)


IMAGES = (image("zebra", 3), image("ant", 1), image("ant", 1, tag="latest"))


@dataclass(frozen=True, slots=True)
class SignerBench:
    """A signer and what is behind it.

    ``reached`` counts how often that was asked or written to; ``accepted`` gives the digest and size of everything that
    was signed; ``spoil`` sees to it that from now on nothing can be signed. ``images`` can be signed: at least two, not
    in the order of their names, one of them under two tags. ``signs_config`` is True for a protocol that names images
    by their configuration, ``once_per_digest`` for a signer that signs no digest twice in one call. ``secret`` is what
    must never be shown.
    """

    signer: Signer
    reached: Callable[[], int]
    accepted: Callable[[], list[tuple[Digest, int]]]
    spoil: Callable[[], None]
    images: tuple[ImageToSign, ...] = IMAGES
    secret: str | None = field(default=None, repr=False)
    signs_config: bool = False
    once_per_digest: bool = False


@final
@dataclass(frozen=True, slots=True)
class ServiceBench:
    """A signer, and the HTTP service behind it, on top of ``bench``.

    ``bodies`` gives the body of every request to sign so far; ``refuse`` (with a reason), ``be_busy`` (seconds to wait,
    if any) and ``hang_up`` prepare the answer to one request to come. ``echo`` is what of the secret the service sees.
    """

    bench: SignerBench
    bodies: Callable[[], list[bytes]]
    refuse: Callable[[str], None]
    be_busy: Callable[[int | None], None]
    hang_up: Callable[[], None]
    echo: str = field(default="", repr=False)


@contract_of("Signer")
class SignerContract:
    """What every signer keeps. A subclass overrides the fixture ``bench``."""

    @pytest.fixture
    def bench(self) -> SignerBench:
        """The signer under test and what is behind it."""
        pytest.fail("override the 'bench' fixture so that it returns your signer and a view of what is behind it")

    def test_prepare_reaches_nobody(self, bench: SignerBench) -> None:
        """A secret is checked before the build, when there is nothing to sign."""
        assert is_successful(bench.signer.prepare())
        assert bench.reached() == 0

    def test_describe_reaches_nobody(self, bench: SignerBench) -> None:
        """A plan touches nothing, and has something to show."""
        assert bench.signer.describe(_references(bench))
        assert bench.reached() == 0

    def test_each_image_has_one_result_in_order(self, bench: SignerBench) -> None:
        """Results can be read by position."""
        results = bench.signer.sign(bench.images, ManualCancellation())
        assert [(one.reference, one.digest) for one in results] == [
            (one.reference, one.descriptor.digest) for one in bench.images
        ]

    def test_all_results_bear_the_same_name(self, bench: SignerBench) -> None:
        """The name of the configuration tells signers apart in the report."""
        names = {one.signer for one in bench.signer.sign(bench.images, ManualCancellation())}
        assert len(names) == 1
        assert all(names)

    def test_success_is_reported_without_a_reason(self, bench: SignerBench) -> None:
        """Success at the first attempt says so, with a duration that can be."""
        for one in bench.signer.sign(bench.images, ManualCancellation()):
            assert one.status in (SignatureStatus.SIGNED, SignatureStatus.ACCEPTED), one
            assert (one.attempts, one.reason, one.transient) == (1, "", False)
            assert one.duration_seconds >= 0

    def test_exactly_the_digests_given_are_signed(self, bench: SignerBench) -> None:
        """What is signed is what was built: digest and size, nothing more, nothing else."""
        bench.signer.sign(bench.images, ManualCancellation())
        subjects = [one.config if bench.signs_config else one.descriptor for one in bench.images]
        wanted = [(one.digest, one.size) for one in subjects if one is not None]
        assert bench.reached() > 0
        assert bench.accepted() == (list(dict.fromkeys(wanted)) if bench.once_per_digest else wanted)

    def test_signing_again_succeeds(self, bench: SignerBench) -> None:
        """A job that is run again signs the same digest again; that is harmless."""
        bench.signer.sign(bench.images, ManualCancellation())
        again = bench.signer.sign(bench.images, ManualCancellation())
        assert [one.reason for one in again] == [""] * len(bench.images)

    def test_no_images_need_nobody(self, bench: SignerBench) -> None:
        """Nothing to sign is not an error, and no reason to call anybody."""
        assert bench.signer.sign((), ManualCancellation()) == ()
        assert bench.reached() == 0

    def test_work_that_was_stopped_before_reaches_nobody(self, bench: SignerBench) -> None:
        """A run that is being interrupted signs nothing more, and says so for each image."""
        cancellation = ManualCancellation()
        cancellation.cancel(Interruption.SIGTERM)
        results = bench.signer.sign(bench.images, cancellation)
        assert bench.reached() == 0
        _assert_failed(results, bench, transient=True, attempts=0)

    def test_what_cannot_be_signed_is_reported_for_each_image(self, bench: SignerBench) -> None:
        """A failure is a result with a reason in one line, and never an exception."""
        bench.spoil()
        results = bench.signer.sign(bench.images, ManualCancellation())
        _assert_failed(results, bench)
        assert all(one.reason.isprintable() for one in results)
        assert bench.accepted() == []

    def test_the_secret_is_never_shown(self, bench: SignerBench, caplog: pytest.LogCaptureFixture) -> None:
        """Not in the plan, in results, in logs or in a representation; neither in success nor in failure."""
        caplog.set_level(logging.DEBUG)
        shown = [bench.signer.describe(_references(bench)), repr(bench.signer)]
        shown += map(repr, bench.signer.sign(bench.images, ManualCancellation()))
        bench.spoil()
        shown += map(repr, bench.signer.sign(bench.images, ManualCancellation()))
        assert bench.secret is None or bench.secret not in "\n".join([*shown, caplog.text])


@contract_of("Signer")
class SigningServiceContract(SignerContract):
    """What a signer keeps that asks a service over HTTP. A subclass overrides the fixture ``service``."""

    @pytest.fixture
    def service(self) -> ServiceBench:
        """The signer under test and its service."""
        pytest.fail("override the 'service' fixture so that it returns your signer and a view of its service")

    @pytest.fixture
    def bench(self, service: ServiceBench) -> SignerBench:
        """The part that every signer has."""
        return service.bench

    def test_all_images_go_in_one_request(self, service: ServiceBench) -> None:
        """One request for each run, however many images."""
        _sign(service, ManualCancellation())
        assert len(service.bodies()) == 1

    def test_every_attempt_sends_the_same_bytes(self, service: ServiceBench) -> None:
        """A body is made once; the first success ends the attempts."""
        service.be_busy(None)
        service.hang_up()
        results = _sign(service, ManualCancellation())
        bodies = service.bodies()
        assert len(bodies) == 3
        assert bodies[0]
        assert len(set(bodies)) == 1
        assert [one.attempts for one in results] == [3] * len(service.bench.images)
        assert not any(one.status is SignatureStatus.FAILED for one in results)

    def test_a_refusal_is_final(self, service: ServiceBench) -> None:
        """What the service will not have is not sent again, and its reason is shown."""
        service.refuse("this repository is unknown here")
        results = _sign(service, ManualCancellation())
        assert len(service.bodies()) == 1
        _assert_failed(results, service.bench, transient=False, attempts=1)
        assert all("this repository is unknown here" in one.reason for one in results)

    def test_a_service_that_stays_busy_is_asked_five_times(self, service: ServiceBench) -> None:
        """The first attempt goes out at once, the others after a pause; then it is given up."""
        for _ in range(MOST_ATTEMPTS + 1):
            service.be_busy(None)
        cancellation = ManualCancellation()
        results = _sign(service, cancellation)
        assert len(service.bodies()) == MOST_ATTEMPTS
        assert len(cancellation.waits) == MOST_ATTEMPTS - 1
        assert all(pause > 0 for pause in cancellation.waits)
        _assert_failed(results, service.bench, transient=True, attempts=MOST_ATTEMPTS)

    def test_the_pause_is_what_the_service_asks_for(self, service: ServiceBench) -> None:
        """``Retry-After`` is honoured."""
        service.be_busy(77)
        cancellation = ManualCancellation()
        _sign(service, cancellation)
        assert cancellation.waits == [77]

    def test_a_deadline_ends_the_attempts(self, service: ServiceBench) -> None:
        """A pause that outlasts the deadline is cut short, and nothing is sent after it."""
        service.be_busy(90)
        cancellation = ManualCancellation(deadline_seconds=60)
        results = _sign(service, cancellation)
        assert len(service.bodies()) == 1
        assert cancellation.elapsed == 60
        _assert_failed(results, service.bench, transient=True, attempts=1)

    def test_an_echoed_secret_is_not_shown(self, service: ServiceBench, caplog: pytest.LogCaptureFixture) -> None:
        """A service may quote the request that it refuses."""
        caplog.set_level(logging.DEBUG)
        service.refuse(f"you said {service.echo}")
        shown = [*map(repr, _sign(service, ManualCancellation())), caplog.text]
        assert service.bench.secret is None or service.bench.secret not in "\n".join(shown)


def _sign(service: ServiceBench, cancellation: ManualCancellation) -> tuple[SignatureResult, ...]:
    return service.bench.signer.sign(service.bench.images, cancellation)


def _references(bench: SignerBench) -> tuple[ImageReference, ...]:
    return tuple(one.reference for one in bench.images)


def _assert_failed(
    results: tuple[SignatureResult, ...],
    bench: SignerBench,
    *,
    transient: bool | None = None,
    attempts: int | None = None,
) -> None:
    assert [one.reference for one in results] == list(_references(bench))
    for one in results:
        assert one.status is SignatureStatus.FAILED
        assert one.reason
        assert transient is None or one.transient is transient
        assert attempts is None or one.attempts == attempts
