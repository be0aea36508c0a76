"""Facts about the checkout that an image is built from, to compare with the job's claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, final


@final
@dataclass(frozen=True, slots=True)
class NoCheckout:
    """There is no ``.git`` in any of these folders or above them."""

    places: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class UnreadableCheckout:
    """There is a ``.git`` at ``where``, and ``reason`` says why its commit cannot be read."""

    where: str
    reason: str


@final
@dataclass(frozen=True, slots=True)
class Changes:
    """What HEAD changes since one commit: ``paths``, or in ``reason`` why HEAD is not known to descend from it.

    Paths are relative to the checkout's folder. ``is_same`` says that the name is that of a tag object, and HEAD the
    commit that it marks.
    """

    paths: tuple[str, ...] = ()
    reason: str = ""
    is_same: bool = False


@final
@dataclass(frozen=True, slots=True)
class Superproject:
    """The checkout that a submodule belongs to.

    ``recorded`` is the commit that the HEAD of ``found`` records for the submodule. It is empty where it records none,
    or where it cannot be read, and ``reason`` says which.
    """

    found: "Checkout | UnreadableCheckout"
    recorded: str = ""
    reason: str = ""


@final
@dataclass(frozen=True, slots=True)
class Checkout:
    """A checkout at ``folder``, whose HEAD is the commit ``head``.

    ``parents`` is what the ``parent`` lines of HEAD name, together with those of as many of its first parents as the
    job has proposed commits, less one; of a batch also the heads that HEAD descends from. None where one of these
    commits cannot be read. ``changes`` has an answer for
    each commit that the job claims, except ``head`` itself. ``modified`` are the tracked files below the build context
    that differ from HEAD, at most :data:`MOST_PATHS`; None where they cannot be compared. ``holds_context`` is false
    for the CI system's workspace when the build context lies outside of every checkout.
    """

    folder: str
    head: str
    parents: frozenset[str] | None = None
    changes: Mapping[str, Changes] = field(default_factory=dict)
    modified: tuple[str, ...] | None = None
    holds_context: bool = True
    superproject: Superproject | None = None


FoundCheckout: TypeAlias = Checkout | UnreadableCheckout | NoCheckout

MOST_PATHS = 1000
"""How many paths of one kind are read at most."""


@final
@dataclass(frozen=True, slots=True)
class CheckoutFacts:
    """All facts about the checkout that decisions use.

    ``copies_git`` says that the engine can copy ``.git`` into the image: it is a directory of the build context, and no
    ignore file excludes it. ``credentials`` are secrets in its configuration. Without arguments it says that no
    checkout was found, so that production is refused if the checkout was not examined.
    """

    found: FoundCheckout = NoCheckout(())
    copies_git: bool = False
    credentials: tuple[str, ...] = field(default=(), repr=False)


@final
@dataclass(frozen=True, slots=True)
class Claim:
    """The commits that a job claims to build.

    HEAD must be one of ``commits``. For unmerged code it may also be a merge whose parent lines name all of ``heads``.
    Both are empty outside CI, where HEAD is the only source.
    """

    commits: tuple[str, ...] = ()
    heads: tuple[str, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class CheckoutRules:
    """What administrators allow: the key ``checkout-check`` of the configuration.

    ``changed_paths`` are files that HEAD may change after the claimed commit. ``none`` allows production jobs without
    any ``.git``.
    """

    changed_paths: tuple[str, ...] = ()
    none: bool = False


@final
@dataclass(frozen=True, slots=True)
class Proof:
    """How the checkout was compared with the claim, as a sentence; ``is_checked`` is false where it was not."""

    text: str
    is_checked: bool = True


NOT_COMPARED = Proof("not compared", is_checked=False)
"""The proof of a job whose checkout was not examined."""
