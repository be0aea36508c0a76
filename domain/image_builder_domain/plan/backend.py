"""Which backend builds (specification, sections 1 and 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, final

from returns.result import Failure, Result, Success

from image_builder_domain.problem import Problem, Problems, refuse

_VARIABLE: Final = "USE_BUILDKIT"


@final
@dataclass(frozen=True, slots=True)
class Backend:
    """Whoever makes the layers: ``value`` is the word of ``--backend``, ``title`` what people call it."""

    value: str
    title: str

    KANIKO: ClassVar["Backend"]
    BUILDKIT: ClassVar["Backend"]
    ADO: ClassVar["Backend"]

    @classmethod
    def named(cls, word: str) -> "Backend":
        """One of ours, or an engine that another package brings under this name."""
        return OWN_BACKENDS.get(word) or cls(word, word)

    @property
    def is_foreign(self) -> bool:
        """True for an engine of another package."""
        return self.value not in OWN_BACKENDS


Backend.KANIKO = Backend("kaniko", "kaniko")
Backend.BUILDKIT = Backend("buildkit", "BuildKit")
Backend.ADO = Backend("ado", "Azure DevOps")

OWN_BACKENDS: Final[Mapping[str, Backend]] = {
    backend.value: backend for backend in (Backend.KANIKO, Backend.BUILDKIT, Backend.ADO)
}
"""What is built in, by the words of ``--backend``; no package can take these names."""


def decide_backend(asked: str | None, in_ado: bool, environment: Mapping[str, str]) -> Result[Backend, Problems]:
    """``--backend``, else ``--build-in-ado``, else ``USE_BUILDKIT``, else kaniko; refused when they contradict.

    A remote build takes ``USE_BUILDKIT=true`` for its own choice of an engine (section 7), so that is no contradiction.
    That an engine of this name exists was checked where the configuration was read.
    """
    local = _local(environment)
    if in_ado:
        return Success(Backend.ADO) if asked in (None, "ado") else _contradiction(asked, "--build-in-ado")
    if asked == "ado":
        return Success(Backend.ADO)
    if isinstance(local, Failure):
        return local
    chosen = local.unwrap()
    if asked is None:
        return Success(chosen or Backend.KANIKO)
    if chosen is not None and chosen.value != asked:
        return _contradiction(asked, f"{_VARIABLE}={environment[_VARIABLE]}")
    return Success(Backend.named(asked))


def _local(environment: Mapping[str, str]) -> Result[Backend | None, Problems]:
    text = environment.get(_VARIABLE, "")
    known = {"": None, "true": Backend.BUILDKIT, "false": Backend.KANIKO}
    if text not in known:
        return refuse(_VARIABLE, f"{text!r} is neither true nor false", "set it to true")
    return Success(known[text])


def _contradiction(asked: str, other: str) -> Failure[Problems]:
    return Failure((Problem("--backend", f"{asked} contradicts {other}", "change one of them"),))
