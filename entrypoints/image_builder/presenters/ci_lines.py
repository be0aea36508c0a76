"""Messages and folded output as the log of each CI system shows them.

The text of a message may be foreign: it comes without commands (``console_text.neutralise``), and is escaped here so
that it cannot end itself. Sources: GitHub, "Workflow commands"; Microsoft, "Logging commands"; GitLab, "Custom
collapsible sections"; the default expression of Prow's build log, which highlights ``ERROR:``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from image_builder_domain.build_steps import SourceLine
from image_builder_domain.job.git_state import CiSystem

Message: TypeAlias = Callable[[str, str, SourceLine | None], str]
"""A line from a level (``error`` or ``warning``), a text, and the line that it is about, which the text names, too."""


@final
@dataclass(frozen=True, slots=True)
class CiLines:
    """How a CI system shows messages and output.

    ``is_command`` is true where a message is a command, which makes the system show it beside the job.
    ``begin`` and ``end`` make the lines around output that is folded, from its number in this run, the seconds since
    1970, and its title. They are None where nothing can be folded.
    """

    message: Message
    is_command: bool = False
    begin: Callable[[int, int, str], str] | None = None
    end: Callable[[int, int], str] | None = None


def _labelled(label: Mapping[str, str]) -> Message:
    def line(level: str, text: str, _at: SourceLine | None) -> str:
        return f"{label.get(level, level)}: {text}"

    return line


def _github(level: str, text: str, at: SourceLine | None) -> str:
    properties = f" file={_github_property(at.path)},line={at.number}" if at is not None else ""
    return f"::{level}{properties}::{_github_data(text)}"


def _github_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


def _azure(level: str, text: str, at: SourceLine | None) -> str:
    properties = f";sourcepath={_azure_property(at.path)};linenumber={at.number}" if at is not None else ""
    return f"##vso[task.logissue type={level}{properties}]{_azure_data(text)}"


def _azure_data(text: str) -> str:
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _azure_property(text: str) -> str:
    return _azure_data(text).replace(";", "%3B").replace("]", "%5D")


def _one_line(title: str) -> str:
    return " ".join(title.split())


def _gitlab_section(kind: str, number: int, seconds: int) -> str:
    return f"\x1b[0Ksection_{kind}:{seconds}:image_builder_{number}"


PLAIN: Final = CiLines(_labelled({}))
"""A terminal, and every system that has nothing of its own."""

_SYSTEMS: Final = {
    CiSystem.GITHUB: CiLines(
        _github, True, lambda _, __, title: f"::group::{_github_data(_one_line(title))}", lambda _, __: "::endgroup::"
    ),
    CiSystem.AZURE_PIPELINES: CiLines(
        _azure, True, lambda _, __, title: f"##[group]{_one_line(title)}", lambda _, __: "##[endgroup]"
    ),
    CiSystem.GITLAB: CiLines(
        _labelled({}),
        False,
        lambda number, seconds, title: (
            f"{_gitlab_section('start', number, seconds)}[collapsed=true]\r\x1b[0K{_one_line(title)}"
        ),
        lambda number, seconds: f"{_gitlab_section('end', number, seconds)}\r\x1b[0K",
    ),
    CiSystem.PROW: CiLines(_labelled({"error": "ERROR"})),
}


def lines_of(system: CiSystem | None) -> CiLines:
    """How a system shows messages; None is a job of no known system."""
    return _SYSTEMS.get(system, PLAIN) if system is not None else PLAIN
