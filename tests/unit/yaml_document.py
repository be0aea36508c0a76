"""Hand-made configuration documents: YAML text to the domain's nodes, each with its place."""

import yaml
from image_builder_domain.yaml_document import Mapping, Node, Scalar, Sequence


def document(text: str, file: str = "config.yaml") -> Node:
    """The nodes of a text that is known to be good YAML."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None
    return _node(root, file)


def _node(node: yaml.Node, file: str) -> Node:
    where = f"{file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
    if isinstance(node, yaml.MappingNode):
        return Mapping(tuple((_scalar(key, file), _node(value, file)) for key, value in node.value), where)
    if isinstance(node, yaml.SequenceNode):
        return Sequence(tuple(_node(item, file) for item in node.value), where)
    return _scalar(node, file)


def _scalar(node: yaml.Node, file: str) -> Scalar:
    assert isinstance(node, yaml.ScalarNode)
    return Scalar(node.value, node.style is None, f"{file}:{node.start_mark.line + 1}:{node.start_mark.column + 1}")
