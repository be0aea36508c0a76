"""What outlasts a build in our own container: ``/kaniko`` and what is mounted.

The executor overwrites everything else. A program from anywhere else is gone after the build, or is that of the image
that was built, which must never be run with our secrets.
"""

import os
import sys
from collections.abc import Mapping

from image_builder_adapters.kaniko.environment import KANIKO
from image_builder_adapters.process import search_path

OWN_FILES = (sys.executable, sys.prefix, __file__)
"""Paths of the tool itself."""


def is_in_our_container(executor: str, own_files: tuple[str, ...] = OWN_FILES) -> bool:
    """The tool and all that it runs from lie below ``/kaniko``, and so does the executor."""
    return all(os.path.realpath(path).startswith(f"{KANIKO}/") for path in (executor, *own_files))


def executor_path(environment: Mapping[str, str]) -> str:
    """Where kaniko's executor is, or should be."""
    return os.path.abspath(environment.get("KANIKO_EXECUTOR") or f"{KANIKO}/executor")


def lasting_environment(environment: Mapping[str, str]) -> Mapping[str, str]:
    """In our own container with a ``PATH`` of folders that last; anywhere else as it is."""
    if not is_in_our_container(executor_path(environment)):
        return environment
    return {**environment, "PATH": lasting_path(search_path(environment))}


def lasting_path(path: str) -> str:
    """The folders of a ``PATH`` that lie below ``/kaniko`` or on a file system of their own."""
    return os.pathsep.join(filter(_lasts, path.split(os.pathsep))) or f"{KANIKO}/bin"


def _lasts(folder: str) -> bool:
    if not os.path.isabs(folder):
        return False
    if os.path.normpath(folder).startswith(f"{KANIKO}/") or os.path.normpath(folder) == KANIKO:
        return True
    try:
        return os.stat(folder).st_dev != os.stat("/").st_dev
    except OSError:
        return False
