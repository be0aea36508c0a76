"""The sources of a build, as decisions need them."""

from dataclasses import dataclass, field
from typing import final

from image_builder_domain.source.build_argument import BuildArgument
from image_builder_domain.source.dockerfile import DeclaredArguments
from image_builder_domain.source.variant import Variant


@final
@dataclass(frozen=True, slots=True)
class Source:
    """What is built: an absolute context directory, and the Dockerfile's path below it.

    ``text`` is the Dockerfile's, and ``declared`` what it declares with ``ARG``. ``variants`` holds the variants of
    ``variants.yaml``, and is empty without one. ``env_file`` holds the arguments of ``--env-file``, and is None without
    the flag.
    """

    context: str
    dockerfile: str
    declared: DeclaredArguments = field(default_factory=DeclaredArguments)
    variants: tuple[Variant, ...] = ()
    env_file: tuple[BuildArgument, ...] | None = None
    text: str = field(default="", repr=False)
