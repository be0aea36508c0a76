"""Which build arguments the build gets (specification, section 4): weakest first, the last of a name wins."""

from collections.abc import Iterable

from returns.result import Result, Success

from image_builder_domain.build_argument import BuildArgument, exported_tags, is_argument_name
from image_builder_domain.inputs import TagInputs
from image_builder_domain.problem import Problems, every, refuse, together
from image_builder_domain.tag import Tag


def decide_arguments(
    inputs: TagInputs, tags: Result[tuple[Tag, ...], Problems]
) -> Result[tuple[BuildArgument, ...], Problems]:
    """Exported tags, then ``--build-arg``; each name once, where it stood first."""
    asked = every(_argument(text, inputs) for text in inputs.asked.build_arguments)
    exported = tags.bind(exported_tags) if inputs.asked.export_tags else Success(())
    return together(asked, exported).map(lambda found: _merged(found[1], found[0]))


def _argument(text: str, inputs: TagInputs) -> Result[BuildArgument, Problems]:
    name, equals, value = text.partition("=")
    if not is_argument_name(name):
        return refuse("--build-arg", f"{name!r} is no name of an argument", "write NAME=value")
    if equals:
        return Success(BuildArgument(name, value))
    if name not in inputs.environment:
        return refuse("--build-arg", f"{name} has no value and is not set in the environment", f"write {name}=value")
    return Success(BuildArgument(name, inputs.environment[name]))


def _merged(weaker: Iterable[BuildArgument], stronger: Iterable[BuildArgument]) -> tuple[BuildArgument, ...]:
    """Each name once with its strongest (last) value, where it stood first."""
    return tuple({argument.name: argument for argument in (*weaker, *stronger)}.values())
