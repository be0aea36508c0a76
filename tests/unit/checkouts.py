"""Checkouts that are what a job claims, for tests of everything else."""

from image_builder_domain.job.state import GitState
from image_builder_domain.trust.checkout import Checkout, CheckoutFacts, claim_of


def claimed_checkout(state: GitState) -> CheckoutFacts:
    """HEAD is the claimed commit; of a batch, a merge of its pull requests."""
    claim = claim_of(state, {})
    head = claim.commits[0] if claim.commits else "9" * 40
    return CheckoutFacts(Checkout("/src", head, frozenset(claim.heads), modified=()))
