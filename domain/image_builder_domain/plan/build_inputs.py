"""What a build is planned from, beyond what its tags are decided from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from returns.result import Result

from image_builder_domain.plan.inputs import TagInputs
from image_builder_domain.problem import Problems
from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.dockerfile import DeclaredArguments
from image_builder_domain.source.variant import Variant
from image_builder_domain.trust.checkout import CheckoutFacts


@final
@dataclass(frozen=True, slots=True)
class Source:
    """What is built: an absolute context directory, and the Dockerfile's path below it.

    ``declared`` is what the Dockerfile declares with ``ARG``, ``frontends`` are the images that it names with
    ``# syntax=``, ``variants`` what ``variants.yaml`` holds (empty without
    one), ``env_file`` the arguments of ``--env-file`` (None when it was not given).
    """

    context: str
    dockerfile: str
    declared: DeclaredArguments = field(default_factory=DeclaredArguments)
    variants: tuple[Variant, ...] = ()
    env_file: tuple[BuildArgument, ...] | None = None
    frontends: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """Enough to plan a build. ``commit_time`` is the commit's, in seconds since 1970, None where git cannot say.

    ``processors`` is how many of them this process may use. ``real_paths`` maps the paths of BuildKit's sockets, as
    addresses name them, to their real ones. ``checkout`` is what git's files say of the sources.
    """

    tags: TagInputs
    source: Result[Source, Problems]
    commit_time: int | None
    processors: int = 1
    real_paths: Mapping[str, str] = field(default_factory=dict)
    checkout: CheckoutFacts = field(default_factory=CheckoutFacts)
