"""The stage of a Dockerfile that ``--target`` names (Dockerfile reference, "FROM")."""

import re
from typing import Final

from returns.result import Result, Success

from image_builder_domain.problem import Problems, nearest, refuse
from image_builder_domain.source.build_source import Source

_OTHER_SYNTAX: Final = re.compile(r"\s*#\s*syntax\s*=\s*(?!\S*docker/dockerfile)\S", re.IGNORECASE)


def chosen_target(target: str | None, source: Source) -> Result[str | None, Problems]:
    """The target, or a problem if the Dockerfile has no stage of this name or number.

    A file in another syntax than Docker's, or with a variable in the name of a stage, is left to the engine.
    """
    names, count = source.declared.stage_names, len(source.declared.stages)
    is_stage = target is None or target.lower() in names or (target.isdecimal() and int(target[:9]) < count)
    if is_stage or not count or any("$" in name for name in names) or _OTHER_SYNTAX.match(source.text):
        return Success(target)
    hint = nearest(target or "", names) if names else "it names no stage; leave the flag out"
    return refuse("--target", f"the Dockerfile {source.dockerfile!r} has no stage {target!r}", hint)
