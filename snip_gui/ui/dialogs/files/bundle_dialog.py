"""The dialog that shows a bundle read-only: what was run, what came of it, and its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.files import read_bytes
from snip_gui.core.base.text import size_text, sparsity_text
from snip_gui.core.data.sets.catalogue import dataset_title
from snip_gui.core.models.networks import network_title
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.listing import method_title, minibatch_words
from snip_gui.ui.widgets.naming import named, text_label
from snip_gui.ui.widgets.plain_text import Label

if TYPE_CHECKING:
    from pathlib import Path

    from snip_gui.core.sharing.events import Verified
    from snip_gui.session.runs.sharing import OpenedBundle

_PICTURES = dict(
    zip((*files.PICTURES, files.CURVES), ("Input map", "Layers", "Curves"), strict=True)
)
_SIDE = 190
_MOST_PICTURE_BYTES = 20_000_000


class BundleDialog(QDialog):
    """Shows a bundle, and offers to verify its mask, to keep it and to open its recipe."""

    recipe_asked = Signal(object)  # Recipe

    def __init__(self, bundle: OpenedBundle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bundle_dialog")
        self.setWindowTitle("Bundle")
        self._bundle = bundle
        bundle.setParent(self)
        heading = text_label(bundle.content.path.name, "bundle_file", "File")
        heading.setProperty("role", "heading")
        self._result = text_label("", "bundle_result", "Result")
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(heading)
        column.addLayout(self._make_form())
        column.addLayout(self._make_pictures(bundle.content.folder))
        column.addWidget(self._result)
        column.addWidget(self._make_buttons())
        bundle.changed.connect(self._show)
        self.finished.connect(bundle.close)
        self._show()
        self.resize(620, column.totalHeightForWidth(620))

    def _make_form(self) -> QFormLayout:
        content = self._bundle.content
        recipe, summary = content.recipe, content.summary
        kept = f"{summary.num_kept:,} of {summary.num_parameters:,} connections kept"
        rows = {
            "Network": network_title(recipe.model),
            "Data set": dataset_title(recipe.data.name),
            "Minibatch": minibatch_words(recipe.minibatch),
            "Mask": f"{method_title(recipe)}, {sparsity_text(summary.sparsity)}: {kept}",
            "Training": _training_words(self._bundle),
            "Made with": f"Version {content.manifest.program}, torch "
            f"{summary.versions.get('torch', 'unknown')}, {summary.device}",
            "Files": f"{len(content.manifest.files)} files, {size_text(content.num_bytes)}; sizes "
            "and digests agree",
        }
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, text in rows.items():
            name = f"bundle_{title.lower().replace(' ', '_')}"
            form.addRow(title, text_label(text, name, title))
        return form

    def _make_pictures(self, folder: Path) -> QHBoxLayout:
        row = QHBoxLayout()
        for name, title in _PICTURES.items():
            picture = _read_picture(folder / name)
            if picture is not None:
                label = named(Label(), f"bundle_{name.partition('.')[0]}", title, title)
                label.setPixmap(picture)
                label.setAlignment(Qt.AlignmentFlag.AlignCenter)
                row.addWidget(label)
        return row

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.verify = named(
            QPushButton("Verify mask"), "verify_bundle", "Verify mask",
            "Compute the mask again and compare it bit for bit",
        )  # fmt: skip
        self.keep = named(
            QPushButton("Add to runs"), "keep_bundle", "Add to runs", "Copy it to the runs folder"
        )
        self.recipe = named(
            QPushButton("Open recipe"), "open_bundle_recipe", "Open recipe",
            "Make its recipe the current one. A network with code of its own must be added to the "
            "runs first.",
        )  # fmt: skip
        for button, work in (
            (self.verify, self._bundle.verify),
            (self.keep, self._bundle.keep),
            (self.recipe, self._open_recipe),
        ):
            button.clicked.connect(work)
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        return buttons

    @Slot()
    def _open_recipe(self) -> None:
        recipe = self._bundle.take_recipe()
        if recipe is not None:
            self.recipe_asked.emit(recipe)
            self.accept()

    @Slot()
    def _show(self) -> None:
        bundle = self._bundle
        self.verify.setEnabled(not bundle.is_busy)
        self.keep.setEnabled(not bundle.is_busy and bundle.kept is None)
        self.recipe.setEnabled(not bundle.is_busy and not bundle.needs_keeping)
        texts = []
        if bundle.is_busy:
            texts.append("Working…")
        if bundle.kept is not None:
            texts.append(f"Added to the runs as “{bundle.kept.name}”.")
        if bundle.verified is not None:
            texts.append(_verified_words(bundle.verified))
        if bundle.problem is not None:
            texts.append(f"{bundle.problem.message} {bundle.problem.hint}")
        self._result.setText("\n".join(texts))
        self._result.setVisible(bool(texts))


def _training_words(bundle: OpenedBundle) -> str:
    summary = bundle.content.summary
    if not summary.step:
        return "None: the weights are the initial ones"
    steps = f"{summary.state}, {summary.step:,} of {summary.num_steps:,} steps"
    test = summary.final.get("test")
    return steps if test is None else f"{steps}; test error {1 - test.accuracy:.2%}"


def _verified_words(verified: Verified) -> str:
    parts = [
        f"{one.num_values:,} values of the {one.subject} "
        + (f"were compared, {one.num_different:,} differ" if one.num_different else "are equal")
        for one in verified.comparisons
    ]
    others = ", ".join(
        f"{name} {then} (here {now})" for name, (then, now) in verified.other_versions.items()
    )
    source = "recipe" if verified.source == "recipe" else "weights and images in the bundle"
    text = f"Computed again from the {source}, bit for bit: {'; '.join(parts)}."
    return text if verified.is_equal or not others else f"{text} The run was made with {others}."


def _read_picture(path: Path) -> QPixmap | None:
    """Return a picture of a bundle, reduced in size; None if it is missing or damaged."""
    try:
        data = read_bytes(path, max_bytes=_MOST_PICTURE_BYTES, follow_links=False)
    except UserError:
        return None
    image = QImage()
    if not image.loadFromData(data, "PNG"):
        return None
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    return QPixmap.fromImage(image.scaled(_SIDE, _SIDE, keep, smooth))
