"""The steps of the guided tour, and the offer of it at the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.plain_text import Label
from snip_gui.ui.window.tour import TourStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.ui.window.parts import WindowParts


def make_first_look_steps(parts: WindowParts) -> Sequence[TourStep]:
    """Return the steps of the tour."""
    heatmap = parts.heatmap

    def show_minibatch() -> None:
        parts.docks["minibatch"].show()
        parts.docks["minibatch"].raise_()

    def show_weights(colours: str) -> None:
        parts.centre.setCurrentWidget(heatmap)
        heatmap.show_weights.click()
        heatmap.weights.colours.setCurrentIndex(heatmap.weights.colours.findData(colours))

    def show_map() -> None:
        parts.centre.setCurrentWidget(heatmap)
        heatmap.show_map.click()

    def show_lesson() -> None:
        parts.centre.setCurrentWidget(parts.lazy.studies_page)
        parts.lazy.studies.show_lesson()
        parts.lazy.studies.lesson.begin.click()

    def show_sensitivity() -> None:
        parts.docks["sensitivity"].show()
        parts.docks["sensitivity"].raise_()

    return (
        TourStep(
            "The minibatch",
            "SNIP examines a network once, before training, on a small batch of images: these. "
            "Draw others at random, fill the batch by class, browse for individual images, or "
            "drop your own here.",
            lambda: parts.docks["minibatch"],
            show_minibatch,
        ),
        TourStep(
            "Gradients",
            "One forward and one backward pass through the untrained network give the gradient "
            "of the loss for every connection. Here it is for the first layer: one row per unit, "
            "one column per pixel.",
            lambda: heatmap.splitter,
            lambda: show_weights("gradient"),
        ),
        TourStep(
            "Sensitivity",
            "|weight x gradient|, divided by its sum over the whole network: how strongly the "
            "loss depends on a connection. Most connections hardly matter and a few matter a "
            "lot; the scale is logarithmic.",
            lambda: parts.docks["sensitivity"],
            show_sensitivity,
        ),
        TourStep(
            "The threshold",
            "All connections of all layers compete. The slider sets the fraction to remove; the "
            "most sensitive connections stay. Drag it, and pictures, bars and counts follow.",
            lambda: heatmap.control,
            show_map,
        ),
        TourStep(
            "The mask",
            "The connections that remain. Each pixel shows the fraction of its connections that "
            "is kept, and the eights of the minibatch appear. Train (F6) trains only these "
            "connections; Grid shows this map for every class.",
            lambda: heatmap.splitter,
            show_map,
        ),
        TourStep(
            "One connection",
            "For a lecture: this page follows a single connection through all of this, up to what "
            "its removal really does to the loss. Press Next on that page.",
            lambda: parts.lazy.studies_page,
            show_lesson,
        ),
    )


class FirstLookOffer(QFrame):
    """A line that offers the tour at the first start."""

    requested = Signal()
    declined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "offer")
        text = Label("New here?")
        show = named(
            QPushButton("Take the tour"),
            "offer_show",
            "Take the tour",
            "Six short steps: minibatch, gradients, sensitivity, threshold, mask, one connection",
        )
        later = named(
            QPushButton("Not now"),
            "offer_decline",
            "Not now",
            "You can open it at any time with Help > First look",
        )
        for button in (show, later):
            button.setProperty("role", "compact")
        show.clicked.connect(self.requested)
        later.clicked.connect(self.declined)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 1, 4, 1)
        row.addWidget(text, 1)
        row.addWidget(show)
        row.addWidget(later)
