"""Read what a remote build or a preview is planned from. The source need not be here: the pipeline has it."""

import os

from image_builder_adapters.azure_devops.identity_token import can_ask
from image_builder_adapters.regular_file import read_file
from image_builder_domain.plan.backend import decide_backend
from image_builder_domain.plan.remote import RemoteInputs
from image_builder_domain.problem import Problems, problems_of, refuse
from returns.result import Failure, Result, Success

from image_builder.invocation import Invocation
from image_builder.reading import read_tag_inputs

_PATH = "ado-preview-run-yaml-path"


def read_remote_inputs(call: Invocation) -> RemoteInputs:
    """What is asked of the pipeline; the mode ``preview`` reads its definition too."""
    options = call.options
    return RemoteInputs(
        tags=read_tag_inputs(options, call.environment),
        context=options.context,
        dockerfile=_dockerfile(options.context, options.dockerfile),
        use_buildkit=_use_buildkit(call),
        env_file=options.env_file,
        kaniko_config_from_pull_request=options.test_kaniko_build_config,
        identity_token=can_ask(call.environment),
        definition=_definition(options.ado_preview_run_yaml_path) if call.mode == "preview" else None,
    )


def _dockerfile(context: str, given: str | None) -> str:
    """As for a local build, where the context is at hand: ``Dockerfile``, else ``dockerfile`` when only that exists."""
    if given is not None:
        return given
    found = [name for name in ("Dockerfile", "dockerfile") if os.path.isfile(os.path.join(context or ".", name))]
    return found[0] if found else "Dockerfile"


def _use_buildkit(call: Invocation) -> Result[bool, Problems]:
    """``USE_BUILDKIT``, after what contradicts is refused."""
    in_ado = call.mode == "preview" or call.options.build_in_ado
    problems = problems_of(decide_backend(call.options.backend, in_ado, call.environment))
    text = call.environment.get("USE_BUILDKIT", "")
    if problems:
        return Failure(problems)
    if text not in ("", "true", "false"):
        return refuse("USE_BUILDKIT", f"{text!r} is neither true nor false", "set it to true")
    return Success(text == "true")


def _definition(path: str | None) -> Result[str, Problems]:
    if path is None:
        return refuse(f"--{_PATH}", "a preview needs the definition to expand", "give the path of its YAML file")
    return read_file(path, f"name another one with --{_PATH}").bind(lambda content: _text(path, content))


def _text(path: str, content: bytes) -> Result[str, Problems]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return refuse(path, "the definition is not UTF-8 text", "save it as such")
    if not text.strip():
        return refuse(path, "an empty definition would be taken for the one in the repository", "write a definition")
    return Success(text)
