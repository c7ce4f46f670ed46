"""Docstrings of this project as Markdown, for the API pages. An extension of Griffe, which reads sources without importing them."""

from __future__ import annotations

import re

from griffe import Extension, Object

_TITLE = re.compile(r"^(\w[\w ]*)\n-{3,}\n", flags=re.M)
_ITEM = re.compile(r"^(\*{0,2}\w[\w, *]*?): ", flags=re.M)
_GRID = re.compile(r"^=+(?: +=+)+\n(?:.*\n)*?=+(?: +=+)+$", flags=re.M)
_EXAMPLE = re.compile(r"(?:^ *(?:>>>|\.\.\.).*\n?(?:^(?! *>>>) *\S.*\n?)*)+", flags=re.M)


class Docstrings(Extension):
    """Turns underlined titles into bold ones, ``name: meaning`` below them into lists, and grids and ``>>>`` examples into code."""

    def on_object(self, *, obj: Object, **kwargs: object) -> None:
        if obj.docstring is not None:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(docstring: str) -> str:
    """The docstring as Markdown.

    >>> print(markdown("Adds.\\n\\nParameters\\n----------\\na: one of them."))
    Adds.
    <BLANKLINE>
    **Parameters**
    <BLANKLINE>
    - `a`: one of them.
    """
    docstring = _GRID.sub(lambda found: f"```text\n{found[0].replace('``', '')}\n```", docstring)
    parts = _TITLE.split(_EXAMPLE.sub(lambda found: f"\n```pycon\n{found[0].rstrip()}\n```\n", docstring))
    text = [parts[0]]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        words, fence, code = body.partition("```")
        listed = _ITEM.sub(lambda found: f"- `{found[1]}`: ", words)
        text.append(f"**{title}**\n\n{listed}{fence}{code}")
    return "".join(text)
