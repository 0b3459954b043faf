"""The recipes of a study, for whoever wants to repeat it with other means."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.files import write_bytes
from snip_gui.core.recipe.json import encode_recipe
from snip_gui.core.studies.from_runs import RunsWork

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from snip_gui.core.recipe.recipe import Recipe

_MOST_LETTERS = 80
_ALWAYS = (2000, 1, 1, 0, 0, 0)  # so that the same recipes are the same bytes


def save_recipes(path: Path, works: Sequence[Any]) -> None:
    """Write the recipe of every item of work into a ZIP file, as JSON.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for number, (label, recipe) in enumerate(_labelled(works), 1):
            words = re.sub(r"[^A-Za-z0-9.]+", "-", label)[:_MOST_LETTERS].strip("-.")
            info = zipfile.ZipInfo(f"{number:04d}-{words}.json", _ALWAYS)
            file.writestr(info, encode_recipe(recipe))
    write_bytes(path, data.getvalue())


def _labelled(works: Sequence[Any]) -> Iterator[tuple[str, Recipe]]:
    """Yield every recipe once, with what it is called in the study."""
    seen = set()
    for work in works:
        for one in work.runs if isinstance(work, RunsWork) else (work,):
            text = encode_recipe(one.recipe)
            if text not in seen:
                seen.add(text)
                yield one.label, one.recipe
