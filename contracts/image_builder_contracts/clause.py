"""A failing clause says in words what was not kept: its docstring, and whose promise it is."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

_Contract = TypeVar("_Contract", bound=type)


def contract_of(port: str) -> Callable[[_Contract], _Contract]:
    """Class decorator: an exception of a test method gets a note that says the clause in words.

    ``port`` is the name of the port that the clauses are about. The note is part of pytest's report.
    """

    def decorate(contract: _Contract) -> _Contract:
        for name, member in list(vars(contract).items()):
            if name.startswith("test_") and inspect.isfunction(member):
                setattr(contract, name, _noted(member, port))
        return contract

    return decorate


def _noted(test: Callable[..., None], port: str) -> Callable[..., None]:
    words = " ".join((inspect.getdoc(test) or "").split())
    clause = f"{test.__name__.removeprefix('test_').replace('_', ' ')}. {words}"

    @functools.wraps(test)
    def noted(*arguments: Any, **named: Any) -> None:
        try:
            test(*arguments, **named)
        except Exception as broken:
            broken.add_note(f"This clause of the port {port} is not kept: {clause}")
            raise

    return noted
