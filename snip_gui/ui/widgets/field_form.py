"""A form generated from field metadata, which emits edits and shows given values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from snip_gui.ui.widgets.editors.check_menu import CheckMenu
from snip_gui.ui.widgets.editors.folder_edit import FolderEdit
from snip_gui.ui.widgets.naming import named
from snip_gui.ui.widgets.no_wheel import NoWheel
from snip_gui.ui.widgets.plain_text import Label, plain_tip

if TYPE_CHECKING:
    from snip_gui.core.recipe.field import Field

Choices: TypeAlias = Sequence[tuple[str, str]]

_LARGEST_INT = 2**31 - 1
_LEAST_WIDTH = 96


class FieldForm(QWidget):
    """One row per field."""

    edited = Signal(str, object)  # dotted path, value

    def __init__(self, fields: Sequence[Field], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._no_wheel = NoWheel(self)
        self._layout = QFormLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setVerticalSpacing(5)
        self._layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._show: dict[str, Callable[[Any], None]] = {}
        self._editors: dict[str, QWidget] = {}
        for field in fields:
            self._add(field)

    def show_values(self, values: Mapping[str, object]) -> None:
        """Show values by path; rows of other fields are hidden."""
        for path, show in self._show.items():
            editor = self._editors[path]
            self._layout.setRowVisible(editor, path in values)
            if path in values:
                with QSignalBlocker(editor):
                    show(values[path])

    def set_choices(self, path: str, choices: Choices) -> None:
        """Replace the choices of a field that has a catalogue."""
        editor = self._editors[path]
        with QSignalBlocker(editor):
            if isinstance(editor, QComboBox):
                _fill(editor, choices)
            elif isinstance(editor, CheckMenu):
                editor.set_choices(choices)

    def editor(self, path: str) -> QWidget:
        """Return the widget that edits a field."""
        return self._editors[path]

    def add_row(self, label: str, widget: QWidget, *, below: str = "") -> None:
        """Add a row that is not a field, at the end or below a field."""
        row = self._layout.rowCount()
        if below:
            # PySide's stubs lack the return type of a function with two out-parameters in C++.
            row = self._layout.getWidgetPosition(self._editors[below])[0] + 1  # type: ignore[index]
        self._layout.insertRow(row, _label(label, widget.toolTip(), widget), widget)

    def show_row(self, widget: QWidget, visible: bool) -> None:
        """Show or hide the row of a widget."""
        self._layout.setRowVisible(widget, visible)

    def _add(self, field: Field) -> None:
        tip = f"{field.help} (in {field.unit})" if field.unit else field.help
        editor, show = self._make(field)
        named(editor, field.object_name, field.label, tip)
        editor.setMinimumWidth(_LEAST_WIDTH)  # narrower than its widest value: forms are docked
        self._no_wheel.watch(editor)
        self._editors[field.path], self._show[field.path] = editor, show
        self._layout.addRow(_label(field.label, tip, editor), editor)

    def _make(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        """Return the editor of a field, and a function that shows a value in it."""
        if field.choices_from == "layers":
            return self._check_menu(field)
        if field.choices or field.choices_from:
            return self._combo(field)
        if field.kind == "bool":
            return self._check_box(field)
        if field.kind == "int":
            return self._spin(field)
        if field.kind == "float":
            return self._double_spin(field)
        if field.kind == "text":
            return self._text(field)
        if field.kind == "folder":
            return self._folder(field)
        return self._line(field)

    def _combo(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        combo = QComboBox()
        combo.setMinimumContentsLength(8)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        _fill(combo, field.choices)
        combo.activated.connect(lambda _: self.edited.emit(field.path, combo.currentData()))
        return combo, lambda value: combo.setCurrentIndex(combo.findData(value))

    def _check_box(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        box = QCheckBox()
        box.toggled.connect(lambda checked: self.edited.emit(field.path, checked))
        return box, box.setChecked

    def _spin(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        spin = QSpinBox()
        spin.setRange(int(field.minimum), int(min(field.maximum, _LARGEST_INT)))
        spin.setGroupSeparatorShown(True)
        if field.zero:
            spin.setSpecialValueText(field.zero)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self.edited.emit(field.path, value))
        return spin, lambda value: spin.setValue(min(value, _LARGEST_INT))

    def _double_spin(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        spin = QDoubleSpinBox()
        spin.setDecimals(field.decimals)
        spin.setRange(field.minimum, field.maximum)
        spin.setSingleStep(field.step)
        if field.zero:
            spin.setSpecialValueText(field.zero)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self.edited.emit(field.path, value))
        return spin, spin.setValue

    def _text(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        line = QLineEdit()
        line.setPlaceholderText(field.zero)
        line.editingFinished.connect(lambda: self.edited.emit(field.path, line.text().strip()))
        return line, line.setText

    def _folder(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        edit = FolderEdit(field.label, field.zero)
        edit.edited.connect(lambda folder: self.edited.emit(field.path, folder))
        return edit, edit.show_folder

    def _line(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        line = QLineEdit()
        convert = {"ints": int, "floats": float}.get(field.kind, str)

        def on_finished() -> None:
            try:
                values = tuple(convert(word) for word in line.text().replace(",", " ").split())
            except ValueError:
                values = (line.text(),)  # refused by the recipe, with the expected format
            self.edited.emit(field.path, values)

        line.editingFinished.connect(on_finished)
        return line, lambda values: line.setText(", ".join(f"{value:g}" for value in values))

    def _check_menu(self, field: Field) -> tuple[QWidget, Callable[[Any], None]]:
        button = CheckMenu(field.object_name)
        button.edited.connect(lambda: self.edited.emit(field.path, button.values()))
        return button, button.show_values


def _fill(combo: QComboBox, choices: Choices) -> None:
    """Replace the entries of a combo box, keeping the choice."""
    chosen = combo.currentData()
    combo.clear()
    for number, (value, label) in enumerate(choices):
        combo.addItem(label, value)
        combo.setItemData(number, plain_tip(label), Qt.ItemDataRole.ToolTipRole)
    combo.setCurrentIndex(combo.findData(chosen))


def _label(text: str, tip: str, buddy: QWidget) -> QLabel:
    label = Label(text)
    label.setToolTip(plain_tip(tip))
    label.setBuddy(buddy)
    return label
