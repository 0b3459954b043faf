"""What the guided first look says, and the offer of it at the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from snip_gui.ui.widgets.naming import named
from snip_gui.ui.window.tour import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snip_gui.ui.window.parts import WindowParts


def make_first_look_steps(parts: WindowParts) -> Sequence[Step]:
    """Return the five steps."""
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

    def show_sensitivity() -> None:
        parts.docks["sensitivity"].show()
        parts.docks["sensitivity"].raise_()

    return (
        Step(
            "The minibatch",
            "SNIP looks at a network once, before training, through a few images: these. Draw "
            "others, take some of every class, browse for them one by one, or drop your own here.",
            lambda: parts.docks["minibatch"],
            show_minibatch,
        ),
        Step(
            "Gradients",
            "The images go through the untrained network and back once. That gives for each "
            "connection the gradient of the loss, shown here for the first layer: a row for each "
            "unit, a column for each pixel.",
            lambda: heatmap.splitter,
            lambda: show_weights("gradient"),
        ),
        Step(
            "Sensitivity",
            "Weight times gradient, without its sign, divided by the sum over the whole network: "
            "how much the loss would feel the loss of a connection. Most hardly matter, a few do; "
            "the scale is logarithmic.",
            lambda: parts.docks["sensitivity"],
            show_sensitivity,
        ),
        Step(
            "The threshold",
            "All connections of all layers compete. The slider says which fraction is removed; the "
            "most sensitive stay. Drag it: pictures, bars and counts follow.",
            lambda: heatmap.control,
            show_map,
        ),
        Step(
            "The mask",
            "What is left. Each pixel shows which fraction of its connections was kept, and the "
            "eights of the minibatch appear. Train (F6) trains just these connections; Grid draws "
            "this picture for every class.",
            lambda: heatmap.splitter,
            show_map,
        ),
    )


class FirstLookOffer(QFrame):
    """One line at the first start."""

    wanted = Signal()
    declined = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "offer")
        text = QLabel("New here? A first look takes five short steps.")
        show = named(QPushButton("Show me"), "offer_show", "Show the first look")
        later = named(
            QPushButton("Not now"),
            "offer_decline",
            "Not now",
            "Help > First look shows it any time",
        )
        for button in (show, later):
            button.setProperty("role", "compact")
        show.clicked.connect(self.wanted)
        later.clicked.connect(self.declined)
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 3, 6, 3)
        row.addWidget(text, 1)
        row.addWidget(show)
        row.addWidget(later)
