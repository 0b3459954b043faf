"""Exports a grid of input maps as a picture or as numbers."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import replacing, write_text
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.comparing.tile_grid import SUFFIXES
from snip_gui.core.views.png_files import font

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from snip_gui.core.comparing.tile_grid import GridColumn, GridSpec

_TILE, _GAP, _LEFT, _TOP = 112, 6, 76, 44
_INK, _PAPER = (34, 40, 49), (255, 255, 255)


def save_grid(path: Path, spec: GridSpec, columns: Mapping[int, GridColumn]) -> None:
    """Write the computed columns of a grid in the format of the file extension.

    A PNG shows every tile divided by its maximum, as in figure 2 of the paper. An NPZ has ``maps``
    (V, R, C, H, W), the unscaled fractions, with ``labels`` and ``sparsities``. A CSV has one row
    per tile: the mean of the tile divided by its maximum, and the kept fraction of each layer.

    Raises
    ------
    UserError
        If the extension is another, no column has been computed, or the file cannot be written.
    """
    if not columns:
        raise UserError("There is nothing to export yet.", "Compute the grid first.")
    match path.suffix.lower():
        case ".png":
            image = _picture(spec, columns)
            with replacing(path) as part:
                image.save(part, format="PNG")
        case ".npz":
            with replacing(path) as part, part.open("wb") as file:
                numbers = sorted(columns)
                np.savez_compressed(
                    file,
                    maps=np.stack([columns[number].maps_RCHW for number in numbers]),
                    labels=np.array([spec.variants[number].label for number in numbers]),
                    sparsities=np.array(spec.sparsities),
                )
        case ".csv":
            write_text(path, _table(spec, columns))
        case other:
            raise UserError(
                f"Grids cannot be saved as “{other}”.", f"Choose one of {', '.join(SUFFIXES)}."
            )


def _picture(spec: GridSpec, columns: Mapping[int, GridColumn]) -> Image.Image:
    """Draw the tiles with headings."""
    step = _TILE + _GAP
    width = _LEFT + step * len(spec.variants) + _GAP
    height = _TOP + step * len(spec.sparsities) + _GAP
    image = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(image)
    for number, variant in enumerate(spec.variants):
        left = _LEFT + step * number
        draw.text((left + _TILE / 2, _TOP - 10), variant.label, _INK, font(15), anchor="ms")
        for row in range(len(spec.sparsities)):
            if number in columns:
                tile_HW = np.rint(columns[number].tile(row) * 255).astype(np.uint8)
                size = (_TILE, round(_TILE * tile_HW.shape[0] / tile_HW.shape[1]))
                tile = Image.fromarray(tile_HW).resize(size, Image.Resampling.NEAREST)
                image.paste(tile, (left, _TOP + step * row))
    for row, sparsity in enumerate(spec.sparsities):
        middle = _TOP + step * row + _TILE / 2
        draw.text((_LEFT - 10, middle), sparsity_text(sparsity), _INK, font(15), anchor="rm")
    return image


def _table(spec: GridSpec, columns: Mapping[int, GridColumn]) -> str:
    """Return a CSV with one row per tile."""
    layers = list(next(iter(columns.values())).kept[0])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = ["variant", "sparsity", "tile mean over its maximum", "fraction kept"]
    writer.writerow([*head, *(f"kept of {layer}" for layer in layers)])
    for number, column in sorted(columns.items()):
        for row, sparsity in enumerate(spec.sparsities):
            means = float(column.tile(row).mean()), float(column.maps_RCHW[row].mean())
            kept = [f"{column.kept[row][layer]:.6g}" for layer in layers]
            texts = [f"{value:.6g}" for value in means]
            writer.writerow([spec.variants[number].label, f"{sparsity:g}", *texts, *kept])
    return text.getvalue()
