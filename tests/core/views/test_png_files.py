from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image

from snip_gui.core.pruning.layer_table import LayerRow
from snip_gui.core.training.metrics import MetricPoint
from snip_gui.core.views.png_files import save_curves, save_input_map, save_layer_bars


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_the_input_map_is_black_where_nothing_is_kept_and_white_at_its_maximum(tmp_path):
    fraction = np.zeros((1, 4, 4))
    fraction[0, 1, 2] = 0.2
    save_input_map(tmp_path / "map.png", fraction, "title")
    picture = pixels(tmp_path / "map.png")[42 : 42 + 448, 20 : 20 + 448]
    assert (picture[112:224, 224:336] == 255).all()
    picture[112:224, 224:336] = 0
    assert not picture.any()


@pytest.mark.parametrize(("kept", "filled"), [(0, 300), (50, 150), (100, 0)])
def test_layer_bars_are_as_long_as_the_layer_is_sparse(tmp_path, kept, filled):
    row = LayerRow("fc1", (10, 10), 100, kept, kept, 100)
    save_layer_bars(tmp_path / "bars.png", [row], "title")
    line = pixels(tmp_path / "bars.png")[59, 112:409]
    assert (line[:, 0] < 150).sum() == pytest.approx(filled, abs=3)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [MetricPoint(0, 0.0, "test", 0.0, 1.0, 0.1, 0.0)],
        [MetricPoint(n, n / 2, "train", 10.0**-n, 0.5, 0.1, 0.0) for n in range(9)],
        [MetricPoint(n, n, "test", v, 0.5, 0.1, 0.0) for n, v in enumerate([1.0, math.inf, 1e30])],
    ],
    ids=["none", "one", "falling", "diverging"],
)
def test_curves_of_any_history_can_be_drawn(tmp_path, points):
    save_curves(tmp_path / "curves.png", points, "title")
    assert pixels(tmp_path / "curves.png").shape == (440, 1000, 3)
