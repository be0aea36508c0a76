"""The temporary files that ``cosign`` needs; they are removed afterwards."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import final

from image_builder_domain.signer_type import Secrets
from returns.result import Failure

from image_builder_adapters.cosign import command
from image_builder_adapters.cosign.command import Files
from image_builder_adapters.cosign.material import read_identity_token
from image_builder_adapters.cosign.program import run_locally
from image_builder_adapters.cosign.settings import CosignSettings


@final
@dataclass(frozen=True, slots=True)
class Session:
    """The paths of the files, and the descriptors that the program inherits for some of them."""

    files: Files
    descriptors: tuple[int, ...] = ()


@contextmanager
def session(settings: CosignSettings, environment: Mapping[str, str], secrets: Secrets) -> Iterator[Session | str]:
    """The files for signing, or why they cannot be made."""
    with private_files(settings, environment) as files:
        if isinstance(files, str):
            yield files
            return
        with _identity_token(settings.identity_token_file, secrets) as token:
            if isinstance(token, str):
                yield token
            elif token is None:
                yield Session(files)
            else:
                yield Session(replace(files, identity_token=f"/proc/self/fd/{token}"), (token,))


@contextmanager
def private_files(settings: CosignSettings, environment: Mapping[str, str]) -> Iterator[Files | str]:
    """The files for verifying, in a private folder, or why they cannot be made.

    Without a transparency log, they include configurations without any service, so that cosign uses no public one.
    """
    folder = ""
    try:
        try:
            folder = tempfile.mkdtemp(prefix="image-builder-cosign-")
            # Docker's configuration is a link to the program's standard input, so that it is never written to disk.
            os.symlink("/proc/self/fd/0", os.path.join(folder, "config.json"))
        except OSError as error:
            yield f"cannot make a folder for its files: {error.strerror}; set TMPDIR to a writable folder"
        else:
            yield _made(folder, settings, environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(folder: str, settings: CosignSettings, environment: Mapping[str, str]) -> Files | str:
    makers = {
        os.path.join(folder, "signing-config.json"): command.signing_config_command,
        os.path.join(folder, "trusted-root.json"): command.trusted_root_command,
    }
    files = replace(command.files_of(settings, *makers), docker_folder=folder)
    for path in makers.keys() & {files.signing_config, files.trusted_root}:
        done = run_locally(makers[path](path), environment)
        if isinstance(done, Failure):
            return f"cannot work without a transparency log: {done.failure()}; install cosign 3"
    return files


@contextmanager
def _identity_token(path: str | None, secrets: Secrets) -> Iterator[int | str | None]:
    """A file in memory with the token only: white space around it in the settings' file may confuse cosign."""
    if path is None:
        yield None
        return
    token = read_identity_token(path)
    if isinstance(token, Failure):
        yield f"{path}: {token.failure()}"
        return
    secrets.learn(token.unwrap())
    descriptor = os.memfd_create("identity-token", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, token.unwrap().encode())
        yield descriptor
    finally:
        os.close(descriptor)
