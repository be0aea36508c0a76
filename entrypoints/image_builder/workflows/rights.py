"""Ask every registry for the right to push, before the engine starts: a build that cannot be published is in vain."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias, final

from image_builder_domain.build import PlannedBuild
from image_builder_domain.failure import BadAnswer, PushDenied, RegistryFailure, RegistryUnreachable
from image_builder_domain.image.reference import Repository
from image_builder_domain.plan.build import Plan
from image_builder_domain.ports import Cancellation, PublishingRegistry
from image_builder_domain.problem import Problem, Problems
from image_builder_domain.publish.fate import Fate
from image_builder_domain.report.build_outcome import ImageOutcome, RepositoryOutcome, Unconfirmed
from returns.methods import unwrap_or_failure

from image_builder.workflows.side_by_side import side_by_side

_AT_ONCE: Final = 16

Answer: TypeAlias = PushDenied | RegistryFailure | None
"""Why a repository takes no push; None if it takes one."""


@final
@dataclass(frozen=True, slots=True)
class Rights:
    """What the repositories of a plan answered: those of its images, and those of its layer caches."""

    images: dict[Repository, Answer]
    caches: dict[Repository, Answer]

    @property
    def refusals(self) -> Problems:
        """A problem for each repository that refuses the push. It names where the credentials came from."""
        refused = ((place, answer) for place, answer in self.images.items() if not _is_silence(answer))
        return tuple(Problem(str(place), answer.description) for place, answer in refused if answer is not None)

    @property
    def unanswered(self) -> dict[Repository, RegistryUnreachable | BadAnswer]:
        """The repositories whose registry gave no usable answer."""
        return {place: answer for place, answer in self.images.items() if isinstance(answer, _Silence)}

    @property
    def warnings(self) -> tuple[str, ...]:
        """A warning for each cache that may not be written."""
        return tuple(
            f"the layer cache {place} is not written: {answer.description}"
            for place, answer in self.caches.items()
            if isinstance(answer, PushDenied)
        )

    def limited(self, plan: Plan) -> Plan:
        """The plan without the caches that may not be written. They are still read."""
        return replace(plan, builds=tuple(map(self._limited, plan.builds)))

    def _limited(self, build: PlannedBuild) -> PlannedBuild:
        cache = build.request.cache
        exports = tuple(
            reference
            for reference in cache.exports
            if not isinstance(self.caches.get(reference.repository), PushDenied)
        )
        return replace(build, request=replace(build.request, cache=replace(cache, exports=exports)))


_Silence = RegistryUnreachable | BadAnswer


def _is_silence(answer: Answer) -> bool:
    return answer is None or isinstance(answer, _Silence)


NOT_ASKED: Final = Rights({}, {})
"""Of a run that did not ask."""


def not_begun(build: PlannedBuild, rights: Rights) -> ImageOutcome:
    """The outcome of a build that was not begun, because a registry gave no usable answer."""
    nothing = Unconfirmed("not asked: nothing was built")
    places = (RepositoryOutcome(place, rights.unanswered.get(place, nothing)) for place in build.request.repositories)
    return ImageOutcome(build, repositories=tuple(places)).with_tags(Fate.WITHHELD, "nothing was built")


def check_rights(plan: Plan, registry: PublishingRegistry, cancellation: Cancellation) -> Rights:
    """The answers of all repositories, side by side. A right to upload is not yet a right to write tags."""
    requests = [build.request for build in plan.builds]
    images = _distinct(place for request in requests for place in request.repositories)
    caches = _distinct(reference.repository for request in requests for reference in request.cache.exports)
    asked = tuple(dict.fromkeys((*images, *caches)))
    answers = side_by_side(lambda place: unwrap_or_failure(registry.check_push(place, cancellation)), asked, _AT_ONCE)
    found: dict[Repository, Answer] = dict(zip(asked, answers, strict=True))
    return Rights({place: found[place] for place in images}, {place: found[place] for place in caches})


def _distinct(places: Iterable[Repository]) -> tuple[Repository, ...]:
    return tuple(dict.fromkeys(places))
