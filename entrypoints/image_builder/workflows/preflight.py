"""What would fail later for a reason that can be seen now. Nothing is sent, no process is started."""

from collections.abc import Iterable, Mapping

from image_builder_domain.image.reference import ImageReference
from image_builder_domain.ports import Registry, Signer
from image_builder_domain.problem import Problem, Problems
from returns.result import Failure


def unready(registry: Registry, signers: Mapping[str, Signer], references: Iterable[ImageReference]) -> Problems:
    """Unusable secrets of signers, and unusable credentials for these references' registries."""
    secrets = [signer.prepare() for signer in signers.values()]
    broken = tuple(Problem("sign-config", str(check.failure())) for check in secrets if isinstance(check, Failure))
    credentials = registry.check(dict.fromkeys(reference.repository for reference in references))
    unread = (Problem("credentials", str(credentials.failure())),) if isinstance(credentials, Failure) else ()
    return (*broken, *unread)
