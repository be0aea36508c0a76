"""The configuration file: every key of specification section 2, strict."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from returns.result import Failure, Result, Success

from image_builder_domain import decoder as read
from image_builder_domain.document import Node
from image_builder_domain.job_type import JobType
from image_builder_domain.nearest import nearest
from image_builder_domain.problem import Problem, Problems, located, refuse
from image_builder_domain.registry_prefix import RegistryPrefix
from image_builder_domain.signer_settings import NotarySettings, SecretKind, SignerSecret
from image_builder_domain.tag import TagSpec

DEFAULT_COMMIT_TAG = TagSpec("default_tag", "v{{ .Date }}-{{ .ShortSHA }}", "the default of default-commit-tag")
DEFAULT_PR_TAG = TagSpec("default_tag", "PR-{{ .PRNumber }}", "the default of default-pr-tag")


@final
@dataclass(frozen=True, slots=True)
class CacheSettings:
    """Layer cache; repositories are prefixes that image names are joined to."""

    enabled: bool = False
    repository: RegistryPrefix | None = None
    dev_repository: RegistryPrefix | None = None
    run_layers: bool = True
    copy_layers: bool = False


@final
@dataclass(frozen=True, slots=True)
class SignerDefinition:
    """One entry of ``sign-config.signers``. No ``job_types`` means every trusted one."""

    name: str
    job_types: tuple[JobType, ...]
    settings: NotarySettings
    where: str


@final
@dataclass(frozen=True, slots=True)
class Configuration:
    """A valid configuration file."""

    file: str
    registries: tuple[RegistryPrefix, ...] = ()
    dev_registries: tuple[RegistryPrefix, ...] = ()
    pr_tags_in_registry: bool = False
    commit_tag: TagSpec = DEFAULT_COMMIT_TAG
    pr_tag: TagSpec = DEFAULT_PR_TAG
    merge_group_tag: TagSpec | None = None
    additional_pr_tag: TagSpec | None = None
    cache: CacheSettings = CacheSettings()
    reproducible: bool = False
    log_format: str | None = None
    enabled_signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signers: tuple[SignerDefinition, ...] = ()


def configuration(document: Node, file: str) -> Result[Configuration, Problems]:
    """The configuration of a document, or every problem in it."""
    return _file(document, "").bind(lambda values: _checked(values, _assembled(values, file)))


def _assembled(values: dict[str, Any], file: str) -> Configuration:
    signing = values.get("sign-config", {})
    commit_tag = values.get("default-commit-tag") or values.get("tag-template") or DEFAULT_COMMIT_TAG
    return Configuration(
        file=file,
        registries=values.get("registry", ()),
        dev_registries=values.get("dev-registry", ()),
        pr_tags_in_registry=values.get("pr-tags-in-registry", False),
        commit_tag=commit_tag,
        pr_tag=values.get("default-pr-tag", DEFAULT_PR_TAG),
        merge_group_tag=values.get("default-merge-group-tag"),
        additional_pr_tag=values.get("additional-pr-tag"),
        cache=values.get("cache", CacheSettings()),
        reproducible=values.get("reproducible", False),
        log_format=values.get("log-format"),
        enabled_signers=signing.get("enabled-signers", {}),
        signers=signing.get("signers", ()),
    )


def _checked(values: dict[str, Any], found: Configuration) -> Result[Configuration, Problems]:
    problems = (*_same_setting(values), *_overlaps(found), *_cache_problems(found), *_signer_problems(found))
    return Failure(problems) if problems else Success(found)


def _same_setting(values: dict[str, Any]) -> Problems:
    if not {"tag-template", "default-commit-tag"} <= values.keys():
        return ()
    what = "tag-template and default-commit-tag are the same setting"
    return (Problem(values["tag-template"].where, what, "remove one of them"),)


def _overlaps(found: Configuration) -> Problems:
    return tuple(
        Problem(
            found.file,
            f"dev-registry {dev.text} and registry {production.text} overlap",
            "choose places of which none lies below the other",
        )
        for dev in found.dev_registries
        for production in found.registries
        if dev.overlaps(production)
    )


def _cache_problems(found: Configuration) -> Problems:
    cache, problems = found.cache, []
    if cache.enabled and cache.repository is None:
        problems.append(Problem(found.file, "cache.enabled needs cache.cache-repo", "add it, or switch the cache off"))
    if cache.dev_repository is not None and not any(
        cache.dev_repository.lies_below(registry) for registry in found.dev_registries
    ):
        what = f"cache.dev-cache-repo {cache.dev_repository.text} does not lie below dev-registry"
        problems.append(Problem(found.file, what, "unmerged code may write only there; choose a place below it"))
    if cache.dev_repository and cache.repository and cache.dev_repository.overlaps(cache.repository):
        what = f"cache.dev-cache-repo {cache.dev_repository.text} and cache.cache-repo {cache.repository.text} overlap"
        problems.append(Problem(found.file, what, "unmerged code must not write what production reads; separate them"))
    return tuple(problems)


def _signer_problems(found: Configuration) -> Problems:
    names = [signer.name for signer in found.signers]
    twice = (
        Problem(signer.where, f"the signer {signer.name!r} is defined twice", "rename or remove one")
        for index, signer in enumerate(found.signers)
        if signer.name in names[:index]
    )
    undefined = (
        Problem(
            found.file,
            f"sign-config.enabled-signers[{repository!r}] names {name!r}, which is not defined",
            nearest(name, names) if names else "define it below sign-config.signers",
        )
        for repository, enabled in found.enabled_signers.items()
        for name in dict.fromkeys(enabled)
        if name not in names
    )
    return (*twice, *undefined)


# --- the field table ----------------------------------------------------------------------------------------------


def _prefix(node: Node, path: str) -> Result[RegistryPrefix, Problems]:
    return read.text(node, path).bind(
        lambda text: located(RegistryPrefix.parse(text), node.where, f"{path} wants host[:port][/path]")
    )


def _tag(name: str) -> read.Decoder[TagSpec]:
    def decode(node: Node, path: str) -> Result[TagSpec, Problems]:
        where = f"{node.where}: {path}"
        if not hasattr(node, "entries"):
            return read.text(node, path).map(lambda template: TagSpec(name, template, where))
        parts = {"name": read.text, "value": read.text, "validation": _pattern}
        return read.fields(parts, ("value",))(node, path).map(
            lambda values: TagSpec(values.get("name", name), values["value"], where, values.get("validation"))
        )

    return decode


def _pattern(node: Node, path: str) -> Result[str, Problems]:
    def compiled(text: str) -> Result[str, Problems]:
        try:
            re.compile(text)
        except re.error as error:
            return refuse(node.where, f"{path} is no regular expression: {error}", "mend the pattern")
        return Success(text)

    return read.text(node, path).bind(compiled)


def _cache(node: Node, path: str) -> Result[CacheSettings, Problems]:
    keys = {
        "enabled": read.boolean,
        "cache-repo": _prefix,
        "dev-cache-repo": _prefix,
        "cache-run-layers": read.boolean,
        "cache-copy-layers": read.boolean,
    }
    return read.fields(keys)(node, path).map(
        lambda values: CacheSettings(
            values.get("enabled", False),
            values.get("cache-repo"),
            values.get("dev-cache-repo"),
            values.get("cache-run-layers", True),
            values.get("cache-copy-layers", False),
        )
    )


def _job_type(node: Node, path: str) -> Result[JobType, Problems]:
    known = [job_type.value for job_type in JobType if job_type is not JobType.LOCAL]
    return read.choice(*known)(node, path).map(JobType)


def _signer_type(node: Node, path: str) -> Result[str, Problems]:
    return read.choice("notary", "cosign")(node, path).bind(
        lambda word: (
            Success(word)
            if word == "notary"
            else refuse(node.where, f"{path}: signers of type {word!r} are not supported yet", "use type notary")
        )
    )


_SECRET = read.fields({"path": read.text, "type": read.choice(*(kind.value for kind in SecretKind))}, ("path", "type"))


def _notary(node: Node, path: str) -> Result[NotarySettings, Problems]:
    keys = {"endpoint": _endpoint, "timeout": read.duration, "retry-timeout": read.duration, "secret": _SECRET}
    return read.fields(keys, ("endpoint",))(node, path).map(
        lambda values: NotarySettings(
            values["endpoint"],
            values.get("timeout"),
            values.get("retry-timeout", 10.0),
            SignerSecret(values["secret"]["path"], SecretKind(values["secret"]["type"]))
            if "secret" in values
            else None,
        )
    )


def _endpoint(node: Node, path: str) -> Result[str, Problems]:
    return read.text(node, path).bind(
        lambda url: (
            Success(url)
            if re.fullmatch(r"https?://[^\s/@?#]+(/[^\s?#]*)?", url)
            else refuse(node.where, f"{path} is no http or https URL without user or query", "write https://host/path")
        )
    )


def _signer(node: Node, path: str) -> Result[SignerDefinition, Problems]:
    keys = {
        "name": read.text,
        "type": _signer_type,
        "job-type": read.list_of(_job_type),
        "config": _notary,
    }
    return read.fields(keys, ("name", "type", "config"))(node, path).map(
        lambda values: SignerDefinition(values["name"], values.get("job-type", ()), values["config"], node.where)
    )


def _enabled(node: Node, path: str) -> Result[dict[str, tuple[str, ...]], Problems]:
    def keys(found: dict[str, tuple[str, ...]]) -> Result[dict[str, tuple[str, ...]], Problems]:
        wrong = tuple(
            Problem(node.where, f"{path}: {key!r} is neither '*' nor org/repo", "write '*' or org/repo")
            for key in found
            if key != "*" and not re.fullmatch(r"[^/\s*]+(/[^/\s*]+)+", key)
        )
        return Failure(wrong) if wrong else Success(found)

    return read.map_of(read.list_of(read.text))(node, path).bind(keys)


_ADO = read.fields(
    {
        "ado-organization-url": read.text,
        "ado-project-name": read.text,
        "ado-pipeline-id": read.whole_number,
        "ado-pipeline-version": read.whole_number,
        "ado-retry-strategy": read.fields({"attempts": read.whole_number, "delay": read.duration}),
        "ado-refresh-interval": read.duration,
        "parameters": read.choice("v1", "v2"),
    }
)

_REGISTRIES = read.one_or_list_of(_prefix)

_FIELDS: dict[str, read.Decoder[Any]] = {
    "registry": _REGISTRIES,
    "dev-registry": _REGISTRIES,
    "pr-tags-in-registry": read.boolean,
    "tag-template": _tag("default_tag"),
    "default-commit-tag": _tag("default_tag"),
    "default-pr-tag": _tag("default_tag"),
    "default-merge-group-tag": _tag("default_tag"),
    "additional-pr-tag": _tag("additional_tag"),
    "cache": _cache,
    "reproducible": read.boolean,
    "log-format": read.choice("color", "text", "json"),
    "sign-config": read.fields({"enabled-signers": _enabled, "signers": read.list_of(_signer)}),
    "ado-config": _ADO,
}

_file = read.fields(_FIELDS)
