"""The build arguments and platforms of a build (specification, section 4), here or in a pipeline.

Sources of arguments go from the lowest precedence to the highest: the last value of a name wins.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

from returns.result import Result, Success

from image_builder_domain.build import BuildRequest
from image_builder_domain.image.platform import ARCHITECTURES, OTHER_NAMES, SYSTEMS, Platform
from image_builder_domain.plan.inputs import Asked, TagInputs
from image_builder_domain.problem import Problems, every, gather, located, nearest, refuse
from image_builder_domain.source.build_argument import BuildArgument, exported_tags, is_argument_name, is_predefined
from image_builder_domain.source.build_source import Source
from image_builder_domain.source.dockerfile import DeclaredArguments
from image_builder_domain.tag import Tag


@final
@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments that every variant gets, beside its own and those of the env file.

    ``exported`` are the exported tags, ``asked`` those of ``--build-arg``.
    """

    exported: tuple[BuildArgument, ...]
    asked: tuple[BuildArgument, ...]


def decide_arguments(inputs: TagInputs, tags: Result[tuple[Tag, ...], Problems]) -> Result[Arguments, Problems]:
    """The exported tags, and the arguments of ``--build-arg``."""
    exported = tags.bind(exported_tags) if inputs.asked.export_tags else Success(())
    return gather(exported, asked_arguments(inputs)).map(Arguments)


def asked_arguments(inputs: TagInputs) -> Result[tuple[BuildArgument, ...], Problems]:
    """The arguments of ``--build-arg``."""
    return every(_argument(text, inputs) for text in inputs.asked.build_arguments)


def merged(*lowest_precedence_first: Iterable[BuildArgument]) -> tuple[BuildArgument, ...]:
    """Each name once with its last value, in its first position."""
    return tuple({argument.name: argument for part in lowest_precedence_first for argument in part}.values())


def decide_platforms(asked: Asked) -> Result[tuple[Platform, ...], Problems]:
    """The platforms of ``--platform``, each once."""
    platforms = every(located(Platform.parse(text), "--platform").bind(_known) for text in asked.platforms)
    return platforms.map(lambda found: tuple(dict.fromkeys(found)))


def _known(platform: Platform) -> Result[Platform, Problems]:
    """Refuse a platform that does not exist: an engine would publish an image that no machine runs."""
    for word, known in ((platform.os, SYSTEMS), (platform.architecture, ARCHITECTURES)):
        if word not in known:
            hint = f"did you mean {OTHER_NAMES[word]!r}?" if word in OTHER_NAMES else nearest(word, known)
            return refuse("--platform", f"{str(platform)!r} is not a known platform", hint)
    return Success(platform)


def _argument(text: str, inputs: TagInputs) -> Result[BuildArgument, Problems]:
    name, equals, value = text.partition("=")
    if not is_argument_name(name):
        return refuse("--build-arg", f"{name!r} is not the name of an argument", "write NAME=value")
    if equals:
        return Success(BuildArgument(name, value))
    if name not in inputs.environment:
        return refuse("--build-arg", f"{name} has no value and is not set in the environment", f"write {name}=value")
    return Success(BuildArgument(name, inputs.environment[name]))


# --- warnings ---------------------------------------------------------------------------------------------------------

_REFERENCE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.]*)\)")
ENV_FILE_WARNING: Final = "--env-file is deprecated; use --build-arg NAME=value"


def argument_warnings(builds: tuple[BuildRequest, ...], source: Source, given: Arguments) -> tuple[str, ...]:
    """Warnings of secrets that stay in the image, of arguments without effect, and of ``--env-file``; each once."""
    everything = merged(*(build.arguments for build in builds))
    return (
        *((ENV_FILE_WARNING,) if source.env_file is not None else ()),
        *secret_warnings(everything),
        *_undeclared("--env-file", source.env_file or (), source.declared),
        *_undeclared("--build-arg", given.asked, source.declared),
        *_unexpanded(given.asked),
        *_unwanted_exports(given.exported, source.declared),
        *_unseen(everything, source.declared),
    )


def secret_warnings(arguments: tuple[BuildArgument, ...]) -> Iterator[str]:
    """A warning for each argument that looks like a secret."""
    for argument in arguments:
        if argument.looks_secret:
            yield (
                f"the build argument {argument.name} looks like a secret; it is passed, and stays readable in the image"
            )


def _undeclared(where: str, arguments: tuple[BuildArgument, ...], declared: DeclaredArguments) -> Iterator[str]:
    names = dict.fromkeys(argument.name for argument in arguments)
    undeclared = (name for name in names if name not in declared.names and not is_predefined(name))
    for before, name in enumerate(undeclared):
        remedy = nearest(name, declared.names, before) if declared.names else f"add 'ARG {name}' to it"
        yield f"{where}: the Dockerfile does not declare {name} with ARG, so it has no effect; {remedy}"


def _unexpanded(arguments: tuple[BuildArgument, ...]) -> Iterator[str]:
    """A warning for each value with a variable that Kubernetes or Azure Pipelines should have replaced."""
    for argument in arguments:
        for name in dict.fromkeys(_REFERENCE.findall(argument.value)):
            what = f"--build-arg: the value of {argument.name} holds $({name}) as it is, which nobody expanded"
            yield f"{what}; set the variable {name} in the job, or remove it"


def _unwanted_exports(exported: tuple[BuildArgument, ...], declared: DeclaredArguments) -> Iterator[str]:
    """A Dockerfile seldom declares all tags, but one that declares none of them is a mistake."""
    names = [argument.name for argument in exported]
    if names and not declared.names.intersection(names):
        yield f"--export-tags: the Dockerfile declares none of {', '.join(names)} with ARG, so it has no effect"


def _unseen(arguments: tuple[BuildArgument, ...], declared: DeclaredArguments) -> Iterator[str]:
    for argument in arguments:
        if declared.reaches_nothing(argument.name):
            name = argument.name
            what = f"the build argument {name} is declared only before the first FROM, and no FROM uses it"
            yield f"{what}; repeat 'ARG {name}' in the stage that needs it"
