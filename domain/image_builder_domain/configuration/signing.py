"""The section ``sign-config``: the signers, and where each is enabled (specification, section 2)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.job.git_state import JobType
from image_builder_domain.problem import Problem, nearest
from image_builder_domain.signing import SignerSettings
from image_builder_domain.yaml_document import Mapping as MappingNode
from image_builder_domain.yaml_document import Node, Scalar, Sequence, place

_REPOSITORIES = r"\*|[^/\s*]+(/[^/\s*]+)+"


@final
@dataclass(frozen=True, slots=True)
class SignerDefinition:
    """One entry of ``sign-config.signers``. Without ``job_types`` it signs in every trusted job."""

    name: str
    type: str
    job_types: tuple[JobType, ...]
    settings: SignerSettings
    where: str


def sign_config(types: Mapping[str, read.Decoder[SignerSettings]]) -> read.Decoder[dict[str, Any]]:
    """The keys of ``sign-config``, for these types of signers."""
    enabled = read.map_of(read.list_of(read.text), _REPOSITORIES, "'*' or org/repo")
    signers = read.list_of(_signer(types))
    return read.fields(
        {
            "enabled-signers": enabled.about(
                "Names of the signers that sign for all repositories ('*') or one org/repo."
            ),
            "signers": signers.about("The definitions of signers."),
        },
        rules=(_Defined(),),
    )


def _signer(types: Mapping[str, read.Decoder[SignerSettings]]) -> read.Decoder[SignerDefinition]:
    job_types = [job_type.value for job_type in JobType if job_type is not JobType.LOCAL]
    kind = read.Decoder(_type_reader(types), lambda: {"enum": list(types)})

    def known(config: read.Decoder[Any]) -> read.Decoder[dict[str, Any]]:
        keys = {
            "name": read.text.about("The signer's name, for enabled-signers."),
            "type": kind.about("The kind of service or program that signs."),
            "job-type": read.list_of(read.choice(*job_types)).about("The only jobs in which it signs."),
            "config": config.about("The settings of this type of signer."),
        }
        return read.fields(keys, ("name", "type", "config"))

    def read_signer(node: Node, path: str, problems: list[Problem]) -> SignerDefinition | None:
        before = len(problems)
        word = _word(node, "type")
        values = known(types.get(word, _ANYTHING) if word else _ANYTHING).read(node, path, problems)
        if values is None or len(problems) > before:
            return None
        jobs = tuple(map(JobType, values.get("job-type", ())))
        return SignerDefinition(values["name"], values["type"], jobs, values["config"], node.where)

    def schema() -> read.Schema:
        return known(_ANYTHING).schema() | {"allOf": [_typed(name, types[name]) for name in types]}

    return read.Decoder(read_signer, schema)


def _type_reader(types: Mapping[str, object]) -> Callable[[Node, str, list[Problem]], str | None]:
    def read_type(node: Node, path: str, problems: list[Problem]) -> str | None:
        word = read.text.read(node, path, problems)
        if word is not None and word not in types:
            problems.append(Problem(node.where, f"{path} cannot be {word!r}", nearest(word, types, len(problems))))
        return word

    return read_type


def _typed(name: str, config: read.Decoder[SignerSettings]) -> read.Schema:
    """The schema of ``config`` where ``type`` has this name."""
    condition = {"properties": {"type": {"const": name}}, "required": ["type"]}
    return {"if": condition, "then": {"properties": {"config": config.schema()}}}


# The configuration of a signer whose type is wrong or missing cannot be checked.
_ANYTHING: read.Decoder[Any] = read.Decoder(lambda _node, _path, _problems: {}, dict)


def _word(node: Node, key: str) -> str | None:
    found = _scalar(node, key)
    return found.text if found is not None else None


def _scalar(node: Node, key: str) -> Scalar | None:
    entries = node.entries if isinstance(node, MappingNode) else ()
    return next((child for name, child in entries if name.text == key and isinstance(child, Scalar)), None)


@final
class _Defined:
    """Each enabled name is defined, and no name is defined twice. JSON Schema cannot express this."""

    __slots__ = ()

    @property
    def schema(self) -> read.Schema:
        """Empty."""
        return {}

    def check(self, node: MappingNode, path: str, values: Mapping[str, Any], problems: list[Problem]) -> None:
        """Add a problem for each second definition, and for each enabled name without a definition."""
        names: dict[str, str] = {}
        for name in _names(node):
            if names.setdefault(name.text, name.where) != name.where:
                first = names[name.text]
                what = f"the signer {name.text!r} is defined twice, first at {first}"
                problems.append(Problem(name.where, what, "rename or remove one"))
        listed = next((child for key, child in node.entries if key.text == "enabled-signers"), node)
        lists = {key.text: child for key, child in listed.entries} if isinstance(listed, MappingNode) else {}
        for repository, enabled in values.get("enabled-signers", {}).items():
            for index, word in enumerate(enabled):
                if word is not None and word not in names:
                    where = place(lists[repository], index)
                    what = f"{path}.enabled-signers[{repository!r}] names {word!r}, which is not defined"
                    remedy = nearest(word, names, len(problems)) if names else f"define it below {path}.signers"
                    problems.append(Problem(where, what, remedy))


def _names(node: MappingNode) -> Iterator[Scalar]:
    signers = next((child for key, child in node.entries if key.text == "signers"), None)
    for signer in signers.items if isinstance(signers, Sequence) else ():
        name = _scalar(signer, "name")
        if name is not None:
            yield name
