"""What ``doctor`` found: what is installed and usable, and what is missing for a build here."""

from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.exit_code import ExitCode


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined.

    ``area`` is what it belongs to (``registry``, ``signer``), ``subject`` the thing itself. ``found`` says in
    words what is there, or why it cannot be used. ``is_needed`` is true when the build needs it. ``remedy`` says what
    to do when it is not good. No finding holds a secret.
    """

    area: str
    subject: str
    found: str
    is_good: bool = True
    is_needed: bool = False
    remedy: str = ""

    @property
    def is_missing(self) -> bool:
        """True when it is needed and cannot be used."""
        return self.is_needed and not self.is_good

    def spare(self) -> "Finding":
        """The same finding, not needed."""
        return replace(self, is_needed=False)


@final
@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All findings, in the order in which they are shown."""

    findings: tuple[Finding, ...]

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What is needed and cannot be used."""
        return tuple(finding for finding in self.findings if finding.is_missing)

    @property
    def exit_code(self) -> ExitCode:
        """2 when something needed is missing, else 0 (specification, section 1)."""
        return ExitCode.REFUSED if self.missing else ExitCode.DONE
