"""Which clauses of a contract an adapter does not keep: proves that a contract rejects a faulty adapter, and why."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

Fixtures = Callable[[], AbstractContextManager[Mapping[str, Any]]]
"""Makes the fixtures of a contract anew, by name."""


def not_kept(contract: type, fixtures: Fixtures) -> set[str]:
    """Run every clause with fixtures of its own. Returns the names, without ``test_``, of the clauses that fail."""
    failed = set()
    for name, clause in inspect.getmembers(contract(), inspect.ismethod):
        if name.startswith("test_") and any(_fails(clause, chosen, fixtures) for chosen in _choices(clause)):
            failed.add(name.removeprefix("test_"))
    return failed


def _fails(clause: Callable[..., None], chosen: Mapping[str, Any], fixtures: Fixtures) -> bool:
    with fixtures() as given:
        known = {**given, **chosen}
        arguments = {name: known[name] for name in inspect.signature(clause).parameters}
        try:
            clause(**arguments)
        except Exception:  # a faulty adapter may raise any
            return True
    return False


def _choices(clause: Callable[..., None]) -> Iterator[Mapping[str, Any]]:
    """Each value of the one parameter that a clause is parametrized with; an empty one without."""
    marks = [mark for mark in getattr(clause, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield {}
        return
    (mark,) = marks
    name, values = mark.args[:2]
    for value in values:
        yield {name: getattr(value, "values", (value,))[0]}
