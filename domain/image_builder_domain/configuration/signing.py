"""The section ``sign-config``: which signers there are, and for whom each is enabled (specification, section 2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final

from image_builder_domain.configuration import decoder as read
from image_builder_domain.job.state import JobType
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
            "enabled-signers": enabled.about("Names of the signers that sign for everybody ('*') or one org/repo."),
            "signers": signers.about("The signers that there are."),
        },
        rules=(_Defined(),),
    )


def _signer(types: Mapping[str, read.Decoder[SignerSettings]]) -> read.Decoder[SignerDefinition]:
    job_types = [job_type.value for job_type in JobType if job_type is not JobType.LOCAL]
    kind = read.Decoder(_chosen(types), lambda: {"enum": list(types)})

    def known(config: read.Decoder[Any]) -> read.Decoder[dict[str, Any]]:
        keys = {
            "name": read.text.about("What enabled-signers calls it."),
            "type": kind.about("What kind of service or program signs."),
            "job-type": read.list_of(read.choice(*job_types)).about("The only jobs in which it signs."),
            "config": config.about("What this type of signer needs to know."),
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


def _chosen(types: Mapping[str, Any]) -> Any:
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


# Of a type that is wrong or missing nobody knows what its configuration should be.
_ANYTHING: read.Decoder[Any] = read.Decoder(lambda _node, _path, _problems: {}, dict)


def _word(node: Node, key: str) -> str | None:
    found = _scalar(node, key)
    return found.text if found is not None else None


def _scalar(node: Node, key: str) -> Scalar | None:
    entries = node.entries if isinstance(node, MappingNode) else ()
    return next((child for name, child in entries if name.text == key and isinstance(child, Scalar)), None)


@final
class _Defined:
    """Each name that is enabled is defined, and each is defined once. Nothing of it can be said in JSON Schema."""

    __slots__ = ()

    @property
    def schema(self) -> read.Schema:
        """Nothing."""
        return {}

    def check(self, node: MappingNode, path: str, values: Mapping[str, Any], problems: list[Problem]) -> None:
        """Tell of each second definition, and of each name that nothing defines."""
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
