"""The identity of a data set: what it holds, not where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ersm_lab.core.errors import UserError
from ersm_lab.data.content import folder_fingerprint, layout_fingerprint
from ersm_lab.data.version import generated
from ersm_lab.runs.hashing import canonical_hash
from ersm_lab.runs.stored import StoredData

__all__ = ["data_fingerprint", "folder_fingerprint"]


def data_fingerprint(layout: str, root: Path, options: Mapping[str, object]) -> str:
    """A digest that changes when the data change.

    Generated data are identified by their options and the generator's version, so that they need not exist
    yet; folders by the relative names and sizes of their files. An archive is the folder that it unpacks to,
    so that unpacking changes nothing. What was read is remembered for the life of the process.

    Raises ``UserError`` when a data set that cannot be generated is missing.
    """
    versions = generated()
    if layout in versions:
        generator: dict[str, object] = {"layout": layout, "version": versions[layout]}
        rest = {key: value for key, value in options.items() if key != "source"}
        if "source" in options:
            said = options["source"]
            source = StoredData.of(said)
            if missing := [key for key in ("layout", "root") if not getattr(source, key)]:
                raise UserError(f"data.options.source needs layout and root, but has no {missing[0]}")
            assert isinstance(said, Mapping)  # anything else has no layout
            content = data_fingerprint(source.layout, Path(source.root), source.options)
            kept = {key: value for key, value in said.items() if key != "root"}
            generator["source"] = {**kept, "content": content}
        return canonical_hash({**generator, "options": rest})[:32]
    return layout_fingerprint(layout, root)
