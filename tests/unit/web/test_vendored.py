"""Vendored scripts are what their manifest says, and own scripts stay small."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

WEB = Path(__file__).resolve().parents[3] / "meshsix" / "live" / "static" / "web"
MANIFEST = json.loads((WEB / "vendor" / "VENDORED.json").read_text())


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["package"])
def test_a_vendored_file_has_its_checksum_version_and_licence(entry: dict[str, str]) -> None:
    content = (WEB / "vendor" / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert entry["version"] in entry["file"]
    assert entry["license"] == "0BSD"
    assert "Permission to use, copy, modify" in (WEB / "vendor" / entry["license_file"]).read_text()


def test_nothing_is_vendored_without_an_entry() -> None:
    listed = {name for entry in MANIFEST for name in (entry["file"], entry["license_file"])} | {"VENDORED.json"}
    assert {path.name for path in (WEB / "vendor").iterdir()} == listed


def test_own_scripts_stay_small() -> None:
    size = sum(len(gzip.compress(path.read_bytes())) for path in (WEB / "js").glob("*.js"))
    assert size < 60_000


def test_own_scripts_bring_no_inline_style_and_no_other_origin() -> None:
    for path in (WEB / "js").glob("*.js"):
        text = path.read_text()
        assert "innerHTML" not in text
        assert "eval(" not in text
        assert "http" not in text.replace("https:", "")
