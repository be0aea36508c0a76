"""What every ``Verifier`` keeps, for any program or service behind it (section 8).

Subclass :class:`VerifierContract` and give it a :class:`VerifierBench`.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import pytest
from image_builder_domain.exit_code import Interruption
from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Verifier
from returns.pipeline import is_successful
from returns.result import Failure, Success

from image_builder_contracts.cancellation import ManualCancellation
from image_builder_contracts.clause import contract_of


@final
@dataclass(frozen=True, slots=True)
class VerifierBench:
    """A verifier and images, all by digest.

    ``signed`` bears a good signature, ``unsigned`` none, ``signed_by_another`` one that is not the configured signer's.
    ``reached`` counts requests to the holder of signatures; ``spoil`` makes every later look-up fail.
    ``secret`` is what must never be shown.
    """

    verifier: Verifier
    signed: ImageReference
    unsigned: ImageReference
    signed_by_another: ImageReference
    reached: Callable[[], int]
    spoil: Callable[[], None]
    secret: str | None = field(default=None, repr=False)


@contract_of("Verifier")
class VerifierContract:
    """Clauses of the ``Verifier`` port."""

    @pytest.fixture
    def bench(self) -> VerifierBench:
        """The verifier under test and what is behind it."""
        pytest.fail("override the 'bench' fixture so that it returns your verifier and images to look up")

    def test_prepare_reaches_nobody(self, bench: VerifierBench) -> None:
        """What is needed is checked before anybody is asked."""
        assert is_successful(bench.verifier.prepare())
        assert bench.reached() == 0

    def test_a_good_signature_is_good(self, bench: VerifierBench) -> None:
        """There is nothing more to say, however often it is asked."""
        assert verified(bench, bench.signed) == Success(None)
        assert verified(bench, bench.signed) == Success(None)
        assert bench.reached() > 0

    def test_an_image_without_a_signature_is_not_signed(self, bench: VerifierBench) -> None:
        """The reason is in words, in one line."""
        _assert_refused(bench, bench.unsigned)

    def test_another_signers_signature_does_not_count(self, bench: VerifierBench) -> None:
        """Anybody can sign anything."""
        _assert_refused(bench, bench.signed_by_another)

    def test_the_digest_decides_and_not_the_tag(self, bench: VerifierBench) -> None:
        """A tag that a signed image bears does not vouch for another digest."""
        assert bench.unsigned.digest is not None
        _assert_refused(bench, bench.signed.pinned(bench.unsigned.digest))

    def test_work_that_was_stopped_before_reaches_nobody(self, bench: VerifierBench) -> None:
        """It is not a signature either."""
        cancellation = ManualCancellation()
        cancellation.cancel(Interruption.SIGTERM)
        assert isinstance(bench.verifier.verify(bench.signed, cancellation), Failure)
        assert bench.reached() == 0

    def test_what_cannot_be_looked_up_is_not_signed(self, bench: VerifierBench) -> None:
        """A failure with a reason, and never an exception."""
        bench.spoil()
        _assert_refused(bench, bench.signed)

    def test_the_secret_is_never_shown(self, bench: VerifierBench, caplog: pytest.LogCaptureFixture) -> None:
        """Neither in success nor in failure."""
        caplog.set_level(logging.DEBUG)
        shown = [repr(bench.verifier), *(repr(verified(bench, image)) for image in (bench.signed, bench.unsigned))]
        assert bench.secret is None or bench.secret not in "\n".join([*shown, caplog.text])


def verified(bench: VerifierBench, image: ImageReference) -> object:
    """What the verifier says of an image."""
    return bench.verifier.verify(image, ManualCancellation())


def _assert_refused(bench: VerifierBench, image: ImageReference) -> None:
    found = bench.verifier.verify(image, ManualCancellation())
    assert isinstance(found, Failure)
    assert found.failure()
    assert found.failure().isprintable()
