"""The configuration file: every key of specification section 2, strict.

One table of fields gives both: :func:`configuration` loads a file, :func:`schema` describes it to editors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from returns.result import Failure, Result, Success

from image_builder_domain.configuration import decoder as read
from image_builder_domain.configuration.rule import Apart, DevelopmentCache, Exclusive, Needs
from image_builder_domain.configuration.tag_pattern import LATEST, TAG_PATTERN_KEYS, TagPattern
from image_builder_domain.configuration.trust import (
    TRUST_KEYS,
    CheckoutRules,
    TrustSettings,
    checkout_rules,
    trust_settings,
)
from image_builder_domain.image.reference import PREFIX_PATTERN
from image_builder_domain.image.registry_prefix import RegistryPrefix
from image_builder_domain.problem import Problem, Problems, in_order
from image_builder_domain.publish.order import TagOrder
from image_builder_domain.tag import TagSpec
from image_builder_domain.yaml_document import Node

if TYPE_CHECKING:
    from image_builder_domain.build import EngineSettings
    from image_builder_domain.configuration.ado import AdoSettings
    from image_builder_domain.configuration.signing import SignerDefinition


class Configurable(Protocol):
    """A type of engine or signer, as far as the configuration file needs it."""

    @property
    def config(self) -> read.Decoder[Any]:
        """The decoder of its part of the file."""
        ...


Types = Mapping[str, Configurable]
"""Types of engines or signers by name; one is loaded when the file names it."""

_NONE: Final[Types] = MappingProxyType({})

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
class Configuration:
    """A valid configuration file."""

    file: str
    registries: tuple[RegistryPrefix, ...] = ()
    dev_registries: tuple[RegistryPrefix, ...] = ()
    pr_tags_in_registry: bool = False
    trust: TrustSettings = field(default_factory=TrustSettings)
    commit_tag: TagSpec = DEFAULT_COMMIT_TAG
    pr_tag: TagSpec = DEFAULT_PR_TAG
    merge_group_tag: TagSpec | None = None
    additional_pr_tag: TagSpec | None = None
    moving_tags: tuple[TagPattern, ...] = LATEST
    immutable_tags: tuple[TagPattern, ...] = ()
    tag_order: TagOrder = TagOrder.AFTER_SIGNING
    cache: CacheSettings = CacheSettings()
    reproducible: bool = False
    checkout_check: CheckoutRules = field(default_factory=CheckoutRules)
    log_format: str | None = None
    enabled_signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    signers: "tuple[SignerDefinition, ...]" = ()
    ado: "AdoSettings | None" = None
    engines: "Mapping[str, EngineSettings]" = field(default_factory=dict)


def configuration(
    document: Node, file: str, *, flaws: Problems = (), engines: Types = _NONE, signers: Types = _NONE
) -> Result[Configuration, Problems]:
    """The configuration of a document, or every problem in it, in the order of the file.

    ``flaws`` are problems that reading the document met already. ``engines`` and ``signers`` are the known types.
    """
    problems = list(flaws)
    values = _file(engines, signers).read(document, "", problems)
    return Failure(in_order(problems)) if problems or values is None else Success(_assembled(values, file))


def schema(engines: Types = _NONE, signers: Types = _NONE) -> read.Schema:
    """The JSON Schema (2020-12) of the file. The loader checks more, such as registries that overlap."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of image-builder",
        **_file(engines, signers).schema(),
    }


def _assembled(values: dict[str, Any], file: str) -> Configuration:
    signing = values.get("sign-config", {})
    return Configuration(
        file=file,
        registries=values.get("registry", ()),
        dev_registries=values.get("dev-registry", ()),
        pr_tags_in_registry=values.get("pr-tags-in-registry", False),
        trust=trust_settings(values),
        commit_tag=values.get("default-commit-tag") or values.get("tag-template") or DEFAULT_COMMIT_TAG,
        pr_tag=values.get("default-pr-tag", DEFAULT_PR_TAG),
        merge_group_tag=values.get("default-merge-group-tag"),
        additional_pr_tag=values.get("additional-pr-tag"),
        moving_tags=values.get("moving-tags", LATEST),
        immutable_tags=values.get("immutable-tags", ()),
        tag_order=values.get("publish", {}).get("tags", TagOrder.AFTER_SIGNING),
        cache=_cache_settings(values.get("cache", {})),
        reproducible=values.get("reproducible", False),
        checkout_check=checkout_rules(values),
        log_format=values.get("log-format"),
        enabled_signers=signing.get("enabled-signers", {}),
        signers=signing.get("signers", ()),
        ado=values.get("ado-config"),
        engines=values.get("engines", {}),
    )


def _cache_settings(values: dict[str, Any]) -> CacheSettings:
    return CacheSettings(
        values.get("enabled", False),
        values.get("cache-repo"),
        values.get("dev-cache-repo"),
        values.get("cache-run-layers", True),
        values.get("cache-copy-layers", False),
    )


# --- the table of fields ------------------------------------------------------------------------------------------

_PREFIX = read.plain_text.parsed(RegistryPrefix.parse, "write host[:port][/path]", pattern=PREFIX_PATTERN)
_MOST_REGISTRIES = 100
_REGISTRIES = read.one_or_list_of(_PREFIX, _MOST_REGISTRIES)


def _publish() -> read.Decoder[dict[str, Any]]:
    orders = read.choice(*(order.value for order in TagOrder)).into(TagOrder)
    return read.fields(
        {
            "tags": orders.about(
                "When tags are written: after signing, before it, or later by 'image-builder publish --report FILE'.",
                default=TagOrder.AFTER_SIGNING.value,
            ),
        }
    )


def _cache() -> read.Decoder[dict[str, Any]]:
    return read.fields(
        {
            "enabled": read.boolean.about("Whether layers are cached in a registry.", default=False),
            "cache-repo": _PREFIX.about(
                "The repository that keeps layers. Some engines keep them below it, under the image's name."
            ),
            "dev-cache-repo": _PREFIX.about("The cache that unmerged code may write; below dev-registry."),
            "cache-run-layers": read.boolean.about("Whether RUN layers are cached; some engines must.", default=True),
            "cache-copy-layers": read.boolean.about(
                "Whether COPY layers are cached, where the engine can choose.", default=False
            ),
        },
        rules=(
            Needs("enabled", "cache-repo", of=True, remedy="add it, or switch the cache off"),
            Apart("dev-cache-repo", "cache-repo", "unmerged code must not write what production reads; separate them"),
        ),
    )


def _tag(name: str) -> read.Decoder[TagSpec]:
    """Plain text is a template with the default name; a mapping may give the name, too."""
    plain = read.Decoder(_template(name), read.text.schema)
    return read.text_or(plain, read.deferred(lambda: _named_tag(name)))


def _template(name: str) -> Any:
    def read_template(node: Node, path: str, problems: list[Problem]) -> TagSpec | None:
        template = read.text.read(node, path, problems)
        return None if template is None else TagSpec(name, template, f"{node.where}: {path}")

    return read_template


def _named_tag(name: str) -> read.Decoder[TagSpec]:
    parts = read.fields(
        {
            "name": read.text.about("The tag's name.", default=name),
            "value": read.text.about("The tag's template."),
            "validation": _pattern().about("A regular expression that must match somewhere in the value."),
        },
        ("value",),
    )

    def read_tag(node: Node, path: str, problems: list[Problem]) -> TagSpec | None:
        values = parts.read(node, path, problems)
        if values is None or "value" not in values:
            return None
        where = f"{node.where}: {path}"
        return TagSpec(values.get("name", name), values["value"], where, values.get("validation"))

    return read.Decoder(read_tag, parts.schema)


def _pattern() -> read.Decoder[str]:
    def readable(text: str) -> Result[str, object]:
        from image_builder_domain.go.regexp import Pattern

        return Pattern.parse(text).map(lambda pattern: pattern.text)

    return read.text.parsed(readable, "fix the pattern", format="regex")


@final
class _Decoders(Mapping[str, read.Decoder[Any]]):
    """The decoders of these types; a type is loaded when its decoder is first needed."""

    def __init__(self, types: Types) -> None:
        self._types = types

    def __getitem__(self, name: str) -> read.Decoder[Any]:
        return self._types[name].config

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)


def _signing(types: Types) -> read.Decoder[dict[str, Any]]:
    from image_builder_domain.configuration.signing import sign_config

    return sign_config(_Decoders(types))


def _ado() -> "read.Decoder[AdoSettings]":
    from image_builder_domain.configuration.ado import ADO

    return ADO


def _file(engines: Types, signers: Types) -> read.Decoder[dict[str, Any]]:
    tag = _tag("default_tag")
    return read.fields(
        {
            "registry": _REGISTRIES.about("Where production images go."),
            "dev-registry": _REGISTRIES.about("Where images of unmerged code go; apart from registry."),
            "pr-tags-in-registry": read.boolean.about(
                "Without a dev-registry: presubmit images go to registry, unsigned, under their own tags.",
                default=False,
            ),
            **TRUST_KEYS,
            "tag-template": tag.about("The older name of default-commit-tag."),
            "default-commit-tag": tag.about("The tag of a commit's build.", default=DEFAULT_COMMIT_TAG.template),
            "default-pr-tag": tag.about("The tag of a presubmit's build.", default=DEFAULT_PR_TAG.template),
            "default-merge-group-tag": tag.about("The tag of a merge group's build."),
            "additional-pr-tag": _tag("additional_tag").about("One more tag for presubmits."),
            **TAG_PATTERN_KEYS,
            "publish": read.deferred(_publish).about("How an image is published."),
            "cache": read.deferred(_cache).about("The layer cache."),
            "reproducible": read.boolean.about("Whether timestamps are stripped.", default=False),
            "log-format": read.choice("color", "text", "json").about("How log lines look."),
            "sign-config": read.deferred(lambda: _signing(signers)).about("Who signs."),
            "ado-config": read.deferred(_ado).about("The Azure DevOps backend."),
            "engines": read.deferred(lambda: read.fields(_Decoders(engines))).about(
                "Settings of engines, each under its --backend name."
            ),
        },
        rules=(
            Needs("unprotected-refs", "production-refs", of=True, remedy="without it no such ref is production"),
            Exclusive("tag-template", "default-commit-tag", remedy="they are the same setting; remove one of them"),
            Apart(
                "dev-registry",
                "registry",
                "choose places so that neither lies below the other; with a single registry, leave dev-registry out"
                " and write 'pr-tags-in-registry: true'",
            ),
            DevelopmentCache(),
        ),
    )
