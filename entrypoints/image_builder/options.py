"""The options of one command line, with types: what the scanner's values are called everywhere else.

A new flag is a row of ``flag_table`` and a field here; a test compares the two.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, final

from image_builder_domain.problem import Problem, Problems

from image_builder.flag_table import FLAGS, MODE_FLAGS

_WAYS: Final = {
    **{mode: f"add --{flag}" for flag, mode in MODE_FLAGS.items()},
    "remote": "add --build-in-ado",
    "verify": "use the verb verify",
    "publish": "use the verb publish",
}
"""How to choose the one mode that a flag belongs to."""


@final
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)  # of a large class, each generated method takes time
class Options:
    """The value of every flag, given or default; a field has its flag's name, with ``_`` for ``-``.

    ``None`` and an empty tuple mean that the flag was not given. ``timeout`` is in seconds.
    """

    name: str | None
    context: str
    dockerfile: str | None
    target: str | None
    platform: tuple[str, ...]
    build_arg: tuple[str, ...]
    env_file: str | None
    variant: str | None
    tag: tuple[str, ...]
    tag_base64: str | None
    move_back: tuple[str, ...]
    export_tags: bool
    parse_tags_only: bool
    tags_output_file: str | None
    sign_only: bool
    images_to_sign: tuple[str, ...]
    report: str | None
    build_in_ado: bool
    ado_preview_run: bool
    ado_preview_run_yaml_path: str | None
    ado_preview_output: str | None
    ado_state_output: bool
    test_kaniko_build_config: bool
    use_go_internal_sap_modules: bool
    use_restricted_registry: bool
    config: str
    repo: str | None
    require_production: bool
    backend: str | None
    registry: bool
    dry_run: bool
    max_parallel: int | None
    keep_going: bool
    timeout: float | None
    output: Literal["human", "json"]
    log_dir: str | None
    silent: bool
    build_report_path: str | None
    tekton_results: str | None
    debug: bool

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The scanner's values; ``help`` and ``version`` were answered before."""
        fields: dict[str, Any] = {
            field_of(name): tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
            if name not in ("help", "version")
        }
        return cls(**fields)

    @property
    def is_json(self) -> bool:
        """True when standard output is one JSON document."""
        return self.output == "json"

    @property
    def is_remote(self) -> bool:
        """True when a pipeline of Azure DevOps does the work."""
        return self.build_in_ado or self.backend == "ado"


def mode_of(verb: str, options: Options) -> tuple[str, Problems]:
    """The mode that verb and flags choose together, and a problem for each flag that contradicts it.

    A mode is a verb's name, but ``plan`` is the mode ``build``, and a build in Azure DevOps is the mode ``remote``.
    """
    asked = [(flag, mode) for flag, mode in MODE_FLAGS.items() if getattr(options, field_of(flag))]
    chosen = asked[0][1] if verb == "build" and asked else verb
    contradictions = tuple(
        Problem(f"--{flag}", f"it asks for the mode {mode}, but this is {chosen}", "leave one of them out")
        for flag, mode in asked
        if mode != chosen
    )
    is_build = chosen in ("build", "plan")
    return ("remote" if options.is_remote else "build") if is_build else chosen, contradictions


def misplaced(mode: str, given: Set[str], options: Options) -> Problems:
    """A problem for each flag that this mode would have to ignore; a switch that is off asks for nothing."""
    return tuple(
        _misplaced(name, mode)
        for name in FLAGS
        if name in given
        and not (has_meaning(name, mode) or _is_taken(name, mode))
        and name not in MODE_FLAGS
        and not _is_off(name, options)
    )


def unused(mode: str, given: Set[str]) -> tuple[str, ...]:
    """The flags that this mode takes without using them: a job calls several modes with one command line."""
    return tuple(name for name in FLAGS if name in given and _is_taken(name, mode))


def _is_taken(flag: str, mode: str) -> bool:
    return f"{mode}?" in FLAGS[flag][4].split()


def has_meaning(flag: str, mode: str) -> bool:
    """Whether a flag belongs to a mode."""
    return mode in FLAGS[flag][4].split()


def _is_off(name: str, options: Options) -> bool:
    return FLAGS[name][2] is False and getattr(options, field_of(name)) is False


def _misplaced(name: str, mode: str) -> Problem:
    own = FLAGS[name][4].split()[0]
    how = f", or {_WAYS[own]}" if own in _WAYS else ""
    what = "a build in Azure DevOps" if mode == "remote" else f"the mode {mode}"
    return Problem(f"--{name}", f"it has no meaning for {what}", f"leave it out{how}")


def field_of(flag: str) -> str:
    """The name of a flag's field."""
    return flag.replace("-", "_")
