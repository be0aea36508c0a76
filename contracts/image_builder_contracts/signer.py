"""The contract of ``Signer``: what every signer keeps, whatever service it talks to.

Subclass :class:`SignerContract` and give it a :class:`SignerBench`: a signer under test, and a view of the service
behind it. Our own stand-in for a notary service is in :mod:`image_builder_contracts.servers.signing_service`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import pytest
from image_builder_domain.descriptor import OCI_MANIFEST, Descriptor
from image_builder_domain.interruption import Interruption
from image_builder_domain.ports import Signer
from image_builder_domain.reference import Digest, ImageReference
from image_builder_domain.signing import ImageToSign, SignatureResult, SignatureStatus
from returns.pipeline import is_successful

from image_builder_contracts.cancellation import ManualCancellation

MOST_ATTEMPTS = 5
_CONFIG = "application/vnd.oci.image.config.v1+json"


@final
@dataclass(frozen=True, slots=True)
class SignerBench:
    """A signer and the service behind it.

    ``signs_config`` is True for a protocol that names images by their configuration. ``bodies`` gives the body of
    every request so far, ``accepted`` the digest and size of every image that was taken on; ``refuse`` (with a reason),
    ``be_busy`` (seconds to wait, if any) and ``hang_up`` prepare the answer to one request to come. ``secret`` is what
    must never be shown, ``echo`` what of it the service gets to see.
    """

    signer: Signer
    bodies: Callable[[], list[bytes]]
    accepted: Callable[[], list[tuple[Digest, int]]]
    refuse: Callable[[str], None]
    be_busy: Callable[[int | None], None]
    hang_up: Callable[[], None]
    secret: str | None = field(default=None, repr=False)
    echo: str = field(default="", repr=False)
    signs_config: bool = False


def image(name: str, number: int, tag: str = "v20260102-abcdef12") -> ImageToSign:
    """An image of one platform; ``number`` (below 16) makes its digests."""
    reference = ImageReference.parse(f"reg.example/dev/{name}:{tag}").unwrap()
    manifest = Descriptor(OCI_MANIFEST, Digest("sha256:" + f"{number:x}" * 64), 500 + number)
    config = Descriptor(_CONFIG, Digest("sha256:" + f"{15 - number:x}" * 64), 1000 + number)
    return ImageToSign(reference, manifest, config)


IMAGES = (image("zebra", 3), image("ant", 1), image("ant", 1, tag="latest"))


class SignerContract:
    """What every signer keeps. A subclass overrides the fixture ``bench``."""

    @pytest.fixture
    def bench(self) -> SignerBench:
        """The signer under test and its service."""
        pytest.fail("override the 'bench' fixture so that it returns your signer and a view of its service")

    def test_prepare_sends_nothing(self, bench: SignerBench) -> None:
        """A secret is checked before the build, when there is nothing to sign."""
        assert is_successful(bench.signer.prepare())
        assert bench.bodies() == []

    def test_describe_sends_nothing(self, bench: SignerBench) -> None:
        """A plan touches nothing."""
        bench.signer.describe(tuple(one.reference for one in IMAGES))
        assert bench.bodies() == []

    def test_each_image_has_one_result_in_order(self, bench: SignerBench) -> None:
        """Whoever reads the results need not look for anything."""
        results = bench.signer.sign(IMAGES, ManualCancellation())
        assert [(one.reference, one.digest) for one in results] == [
            (one.reference, one.descriptor.digest) for one in IMAGES
        ]

    def test_success_is_told_without_a_reason(self, bench: SignerBench) -> None:
        """Success at the first attempt says so, with a duration that can be."""
        for one in bench.signer.sign(IMAGES, ManualCancellation()):
            assert one.status in (SignatureStatus.SIGNED, SignatureStatus.ACCEPTED), one
            assert (one.attempts, one.reason, one.transient) == (1, "", False)
            assert one.duration_seconds >= 0

    def test_exactly_the_digests_given_are_signed(self, bench: SignerBench) -> None:
        """What is signed is what was built: digest and size, nothing more, nothing else."""
        bench.signer.sign(IMAGES, ManualCancellation())
        subjects = [one.config if bench.signs_config else one.descriptor for one in IMAGES]
        assert bench.accepted() == [(one.digest, one.size) for one in subjects if one is not None]

    def test_all_images_go_in_one_request(self, bench: SignerBench) -> None:
        """One request for each run, however many images."""
        bench.signer.sign(IMAGES, ManualCancellation())
        assert len(bench.bodies()) == 1

    def test_no_images_need_no_request(self, bench: SignerBench) -> None:
        """Nothing to sign is not an error, and no reason to call anybody."""
        assert bench.signer.sign((), ManualCancellation()) == ()
        assert bench.bodies() == []

    def test_every_attempt_sends_the_same_bytes(self, bench: SignerBench) -> None:
        """A body is made once; the first success ends the attempts."""
        bench.be_busy(None)
        bench.hang_up()
        results = bench.signer.sign(IMAGES, ManualCancellation())
        bodies = bench.bodies()
        assert len(bodies) == 3
        assert bodies[0]
        assert len(set(bodies)) == 1
        assert [one.attempts for one in results] == [3] * len(IMAGES)
        assert not any(one.status is SignatureStatus.FAILED for one in results)

    def test_a_refusal_is_final(self, bench: SignerBench) -> None:
        """What the service will not have is not sent again, and its reason is shown."""
        bench.refuse("this repository is unknown here")
        results = bench.signer.sign(IMAGES, ManualCancellation())
        assert len(bench.bodies()) == 1
        _assert_failed(results, transient=False, attempts=1)
        assert all("this repository is unknown here" in one.reason for one in results)

    def test_a_service_that_stays_busy_is_asked_five_times(self, bench: SignerBench) -> None:
        """The first attempt goes out at once, the others after a pause; then it is given up."""
        for _ in range(MOST_ATTEMPTS + 1):
            bench.be_busy(None)
        cancellation = ManualCancellation()
        results = bench.signer.sign(IMAGES, cancellation)
        assert len(bench.bodies()) == MOST_ATTEMPTS
        assert len(cancellation.waits) == MOST_ATTEMPTS - 1
        assert all(pause > 0 for pause in cancellation.waits)
        _assert_failed(results, transient=True, attempts=MOST_ATTEMPTS)

    def test_the_pause_is_what_the_service_asks_for(self, bench: SignerBench) -> None:
        """``Retry-After`` is honoured."""
        bench.be_busy(77)
        cancellation = ManualCancellation()
        bench.signer.sign(IMAGES, cancellation)
        assert cancellation.waits == [77]

    def test_a_deadline_ends_the_attempts(self, bench: SignerBench) -> None:
        """A pause that outlasts the deadline is cut short, and nothing is sent after it."""
        bench.be_busy(3600)
        cancellation = ManualCancellation(deadline_seconds=60)
        results = bench.signer.sign(IMAGES, cancellation)
        assert len(bench.bodies()) == 1
        assert cancellation.elapsed == 60
        _assert_failed(results, transient=True, attempts=1)

    def test_work_that_was_stopped_before_sends_nothing(self, bench: SignerBench) -> None:
        """A run that is being interrupted signs nothing more, and says so for each image."""
        cancellation = ManualCancellation()
        cancellation.cancel(Interruption.SIGTERM)
        results = bench.signer.sign(IMAGES, cancellation)
        assert bench.bodies() == []
        _assert_failed(results, transient=True, attempts=0)

    def test_the_secret_is_never_shown(self, bench: SignerBench, caplog: pytest.LogCaptureFixture) -> None:
        """Not in the plan, in results, in logs or in a representation, even if the service echoes it."""
        caplog.set_level(logging.DEBUG)
        bench.refuse(f"you said {bench.echo}")
        shown = [bench.signer.describe(tuple(one.reference for one in IMAGES)), repr(bench.signer)]
        shown += map(repr, bench.signer.sign(IMAGES, ManualCancellation()))
        assert bench.secret is None or bench.secret not in "\n".join([*shown, caplog.text])


def _assert_failed(results: tuple[SignatureResult, ...], *, transient: bool, attempts: int) -> None:
    assert len(results) == len(IMAGES)
    for one in results:
        assert (one.status, one.transient, one.attempts) == (SignatureStatus.FAILED, transient, attempts)
        assert one.reason
