"""The table of runs: contents, sorting and editing of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)

from snip_gui.core.base.text import size_text, to_local
from snip_gui.core.reports.tables import NOTHING, duration, percent
from snip_gui.ui.widgets.guarded import Guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from snip_gui.core.runs.listing import RunEntry

ENTRY_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_SHOWN = Qt.ItemDataRole.DisplayRole


@dataclass(frozen=True, slots=True)
class RunColumn:
    """A column.

    Attributes
    ----------
    key
        Returns the sort key of a run; None is sorted last.
    """

    name: str
    title: str
    tip: str
    text: Callable[[RunEntry], str]
    key: Callable[[RunEntry], object]
    is_number: bool = False


def _epochs(entry: RunEntry) -> str:
    done = f"{entry.epochs_done:.3g}"
    return done if done == str(entry.epochs) else f"{done} of {entry.epochs}"


COLUMNS = (
    RunColumn("shown", "", "Overlay the run on the training charts", lambda _: "", lambda _: 0),
    RunColumn("star", "★", "Click to star the run", lambda e: "★" if e.notes.starred else "☆",
              lambda e: not e.notes.starred),
    RunColumn("name", "Name", "F2 gives it another name; its folder keeps its own",
              lambda e: e.name, lambda e: e.name.casefold()),
    RunColumn("curve", "Curve", "Validation error by epoch; test error without a validation split",
              lambda _: "", lambda e: e.curve[-1][1] if e.curve else None),
    RunColumn("network", "Network", "", lambda e: e.network, lambda e: e.network.casefold()),
    RunColumn("dataset", "Data", "", lambda e: e.dataset, lambda e: e.dataset.casefold()),
    RunColumn("method", "Method", "How the connections were ranked", lambda e: e.method,
              lambda e: e.method),
    RunColumn("sparsity", "Sparsity", "Fraction of the connections removed",
              lambda e: percent(e.sparsity), lambda e: e.sparsity, is_number=True),
    RunColumn("test_error", "Test, final", "Error on the test images after training",
              lambda e: percent(e.test_error), lambda e: e.test_error, is_number=True),
    RunColumn("test_error_at_best", "Test at lowest val.",
              "Error on the test images where the validation error was lowest",
              lambda e: percent(e.test_error_at_best), lambda e: e.test_error_at_best,
              is_number=True),
    RunColumn("validation_error", "Lowest val.", "Lowest error on the validation split",
              lambda e: percent(e.best_validation_error), lambda e: e.best_validation_error,
              is_number=True),
    RunColumn("epochs", "Epochs", "Passes over the training images", _epochs,
              lambda e: e.epochs_done, is_number=True),
    RunColumn("seconds", "Time", "Training time", lambda e: duration(e.seconds),
              lambda e: e.seconds, is_number=True),
    RunColumn("size", "Size", "Size on disk", lambda e: size_text(e.size_bytes),
              lambda e: e.size_bytes, is_number=True),
    RunColumn("state", "State", "", lambda e: e.state, lambda e: e.state),
    RunColumn("minibatch", "Minibatch", "The scored images", lambda e: e.minibatch,
              lambda e: e.minibatch),
    RunColumn("made", "Made", "When it was scored",
              lambda e: f"{to_local(e.created):%Y-%m-%d %H:%M}",
              lambda e: (e.created.timestamp(), e.name)),
    RunColumn("note", "Note", "Double-click to write a note", lambda e: e.notes.note,
              lambda e: e.notes.note.casefold() or None),
)  # fmt: skip
NUMBERS = {column.name: number for number, column in enumerate(COLUMNS)}


class RunsModel(Guarded, QAbstractTableModel):
    """One row per run, unsorted."""

    check_asked = Signal(object, bool)  # folder (Path), whether to overlay it on the charts
    rename_asked = Signal(object, str)  # RunEntry, name
    note_asked = Signal(object, str)  # RunEntry, note

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RunEntry] = []
        self._checked: frozenset[Path] = frozenset()

    def show_runs(self, entries: Collection[RunEntry]) -> None:
        """Show runs; remaining rows keep their selection."""
        wanted = {entry.folder: entry for entry in entries}
        for row in reversed(range(len(self._rows))):
            if self._rows[row].folder not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._rows[row]
                self.endRemoveRows()
        shown = {entry.folder: row for row, entry in enumerate(self._rows)}
        for folder, row in shown.items():
            if self._rows[row] is not wanted[folder]:
                self._rows[row] = wanted[folder]
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))
        fresh = [entry for folder, entry in wanted.items() if folder not in shown]
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows += fresh
            self.endInsertRows()

    def show_checked(self, folders: Collection[Path]) -> None:
        """Tick the runs overlaid on the charts."""
        self._checked = frozenset(folders)
        if self._rows:
            column = NUMBERS["shown"]
            last = self.index(len(self._rows) - 1, column)
            self.dataChanged.emit(self.index(0, column), last, [Qt.ItemDataRole.CheckStateRole])

    def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of runs."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own
        """Return the number of columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the title or tool tip of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section].title
            case Qt.ItemDataRole.ToolTipRole:
                return COLUMNS[section].tip
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Return the flags of a cell."""
        flags = super().flags(index)
        match COLUMNS[index.column()].name:
            case "shown":
                return flags | Qt.ItemFlag.ItemIsUserCheckable
            case "name" | "note":
                return flags | Qt.ItemFlag.ItemIsEditable
        return flags

    def data(
        self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the data of a cell."""
        try:
            return self._value(self._rows[index.row()], COLUMNS[index.column()], role)
        # An exception that leaves a model's data() would end the process.
        except Exception as error:  # noqa: BLE001 - see above
            return f"{type(error).__name__}: {error}" if role == _SHOWN else None

    def _value(self, entry: RunEntry, column: RunColumn, role: int) -> object:
        match role:
            case Qt.ItemDataRole.DisplayRole | Qt.ItemDataRole.EditRole:
                is_known = entry.recipe is not None or column.name not in ("epochs", "seconds")
                return column.text(entry) if is_known else NOTHING
            case Qt.ItemDataRole.CheckStateRole if column.name == "shown":
                checked = entry.folder in self._checked
                return Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked
            case Qt.ItemDataRole.TextAlignmentRole if column.is_number:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ToolTipRole if entry.message and column.name == "state":
                return entry.message
            case Qt.ItemDataRole.ToolTipRole if column.name in ("name", "note"):
                return column.text(entry)
        if role == ENTRY_ROLE:
            return entry
        return column.key(entry) if role == SORT_ROLE else None

    def setData(
        self,
        index: QModelIndex | QPersistentModelIndex,
        value: object,
        role: int = Qt.ItemDataRole.EditRole,
    ) -> bool:
        """Request a change; the cell is updated once it has been made on disk."""
        entry, name = self._rows[index.row()], COLUMNS[index.column()].name
        if role == Qt.ItemDataRole.CheckStateRole and name == "shown":
            self.check_asked.emit(entry.folder, Qt.CheckState(value) == Qt.CheckState.Checked)
        elif role == Qt.ItemDataRole.EditRole and name == "name":
            self.rename_asked.emit(entry, str(value))
        elif role == Qt.ItemDataRole.EditRole and name == "note":
            self.note_asked.emit(entry, str(value))
        else:
            return False
        return True


class SortedRuns(Guarded, QSortFilterProxyModel):
    """The runs that match a filter, sorted by a column; missing values come last."""

    def __init__(self, model: RunsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._words: list[str] = []
        self.setSourceModel(model)

    def show_filtered(self, text: str) -> None:
        """Show the runs that contain every word of a text."""
        self._words = text.casefold().split()
        self.invalidate()

    def filterAcceptsRow(
        self, source_row: int, source_parent: QModelIndex | QPersistentModelIndex
    ) -> bool:
        """Return whether a run is shown."""
        index = self.sourceModel().index(source_row, 0, source_parent)
        entry = index.data(ENTRY_ROLE)
        text = " ".join(column.text(entry) for column in COLUMNS).casefold()
        return all(word in text for word in self._words)

    def lessThan(
        self,
        source_left: QModelIndex | QPersistentModelIndex,
        source_right: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Compare two cells of a column."""
        left, right = source_left.data(SORT_ROLE), source_right.data(SORT_ROLE)
        if left is None or right is None:
            is_ascending = self.sortOrder() == Qt.SortOrder.AscendingOrder
            return (right is None and left is not None) == is_ascending and left is not right
        return bool(left < right)
