"""YAML as it stands in the platform repository: written always the same way, and read so that comments survive.

Kustomize and kubectl read YAML 1.1, in which a bare `on`, `no` or `12:30` is no text: such texts are quoted.
"""

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

_WIDTH = 4096  # no line is ever folded
_NO_TEXT_IN_1_1 = re.compile(r"(?i:y|n|yes|no|on|off|true|false)|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?")


class _Representer(RoundTripRepresenter):
    """Writes texts so that YAML 1.1 and 1.2 read the same, and repeats what stands twice instead of pointing at it."""

    def ignore_aliases(self, data: object) -> bool:
        """Return True: no anchors."""
        del data
        return True


def _represent_text(representer: RoundTripRepresenter, text: str) -> ScalarNode:
    style = "'" if _NO_TEXT_IN_1_1.fullmatch(text) else None if text.isprintable() else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Representer.add_representer(str, _represent_text)


def dump(manifest: Mapping[str, Any], *, title: str = "") -> str:
    """Return a structure as YAML, with its keys in the order given, below `title` as a comment."""
    content = CommentedMap(manifest)
    if title:
        content.yaml_set_start_comment(title)
    return text_of(content, writer())


def text_of(content: object, yaml: YAML) -> str:
    """Return the text that `yaml` writes."""
    stream = io.StringIO()
    yaml.dump(content, stream)
    return stream.getvalue()


def load(text: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what a text holds; mappings and sequences keep their comments. Raises ruamel.yaml.error.YAMLError."""
    return writer().load(text)


def writer(*, dash_column: int = 0) -> YAML:
    """Return a reader and writer that keeps comments and quotes; `dash_column` is how far lists are moved in."""
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=dash_column + 2, offset=dash_column)
    return yaml
