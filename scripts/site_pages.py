"""Pages of the documentation site that are files elsewhere: the papers' READMEs, CONTRIBUTING, CHANGELOG. A hook of MkDocs."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds them; their links to ``docs/`` begin one folder below it here."""
    sources = {
        f"papers/{file.parent.name}.md": file for file in (ROOT / "ersm_lab/papers").glob("*/README.md")
    }
    sources |= {f"project/{name}.md": ROOT / f"{name.upper()}.md" for name in ("contributing", "changelog")}
    for page, source in sources.items():
        text = source.read_text(encoding="utf-8")
        for before in ("../../../docs/", "docs/"):
            text = text.replace(f"]({before}", "](../")
        files.append(File.generated(config, page, content=text))
    return files
