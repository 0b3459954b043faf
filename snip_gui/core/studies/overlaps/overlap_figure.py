"""The figure of an overlap study: a matrix of groups, or the layers of a single group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.studies.figures.figure import PERCENT, Chart, Matrix, Series

if TYPE_CHECKING:
    from snip_gui.core.studies.figures.figure import Figure
    from snip_gui.core.studies.overlaps.overlap import OverlapAnswer


def overlap_figure(answer: OverlapAnswer) -> Figure:
    """Return the mean overlap of each pair of groups, or in each layer if there is only one."""
    if len(answer.labels) == 1:
        return _layers(answer, answer.labels[0])
    whole = answer.layers[0]
    return Matrix(
        "Mean overlap of masks",
        answer.labels,
        answer.labels,
        tuple(
            tuple(
                None if (pair := answer.find(whole, a, b)) is None else pair.mean
                for b in answer.labels
            )
            for a in answer.labels
        ),
        ".1%",
    )


def _layers(answer: OverlapAnswer, label: str) -> Chart:
    found = [(layer, answer.find(layer, label, label)) for layer in answer.layers]
    pairs = [(layer, pair) for layer, pair in found if pair is not None]
    places = tuple(float(number) for number in range(len(pairs)))
    return Chart(
        "Mean overlap of two masks",
        "",
        "Jaccard index",
        (
            Series("masks", places, tuple(pair.mean for _, pair in pairs), is_joined=False),
            Series(
                "expected by chance",
                places,
                tuple(pair.chance for _, pair in pairs),
                origin="reproduced",
                is_joined=False,
            ),
        ),
        x_ticks=tuple((place, layer) for place, (layer, _) in zip(places, pairs, strict=True)),
        y_form=PERCENT,
    )
