"""The table of runs: contents, sorting and editing of its cells."""

from __future__ import annotations

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

from snip_gui.core.reports.tables import NOTHING, other_settings
from snip_gui.ui.runs.columns import COLUMNS, NUMBERS, SETTINGS
from snip_gui.ui.widgets.guarded import Guarded
from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from snip_gui.core.runs.listing import RunEntry
    from snip_gui.ui.runs.columns import RunColumn

ENTRY_ROLE = Qt.ItemDataRole.UserRole
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
_SHOWN = Qt.ItemDataRole.DisplayRole
_NUM_COLUMNS = len(COLUMNS) + 1
_SETTINGS_TIP = "Other settings in which the runs differ"
_PATHS = tuple(column.path for column in COLUMNS if column.path)


def column_name(index: QModelIndex | QPersistentModelIndex) -> str:
    """Return the name of the column of a cell."""
    return SETTINGS if index.column() == len(COLUMNS) else COLUMNS[index.column()].name


class RunsModel(Guarded, QAbstractTableModel):
    """One row per run, unsorted."""

    check_asked = Signal(object, bool)  # folder (Path), whether to overlay it on the charts
    rename_asked = Signal(object, str)  # RunEntry, name
    note_asked = Signal(object, str)  # RunEntry, note

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[RunEntry] = []
        self._checked: frozenset[Path] = frozenset()
        self._settings: dict[Path, str] = {}

    @property
    def has_settings(self) -> bool:
        """Whether the runs differ in settings that have no column of their own."""
        return any(self._settings.values())

    def show_runs(self, entries: Collection[RunEntry]) -> None:
        """Show runs; remaining rows keep their selection."""
        wanted = {entry.folder: entry for entry in entries}
        self._compare_settings(wanted.values())
        for row in reversed(range(len(self._rows))):
            if self._rows[row].folder not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._rows[row]
                self.endRemoveRows()
        shown = {entry.folder: row for row, entry in enumerate(self._rows)}
        for folder, row in shown.items():
            if self._rows[row] is not wanted[folder]:
                self._rows[row] = wanted[folder]
                self.dataChanged.emit(self.index(row, 0), self.index(row, _NUM_COLUMNS - 1))
        fresh = [entry for folder, entry in wanted.items() if folder not in shown]
        if fresh:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fresh) - 1)
            self._rows += fresh
            self.endInsertRows()

    def _compare_settings(self, entries: Collection[RunEntry]) -> None:
        """Find the settings without a column in which the runs differ."""
        known = [(entry.folder, entry.recipe) for entry in entries if entry.recipe is not None]
        texts = other_settings([recipe for _, recipe in known], _PATHS)
        self._settings = dict(zip((folder for folder, _ in known), texts, strict=True))
        if self._rows:
            column = _NUM_COLUMNS - 1
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

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
        return 0 if parent.isValid() else _NUM_COLUMNS

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """Return the title or tool tip of a column."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        is_last = section == len(COLUMNS)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return "Other settings" if is_last else COLUMNS[section].title
            case Qt.ItemDataRole.ToolTipRole:
                return _SETTINGS_TIP if is_last else COLUMNS[section].tip
        return None

    def flags(self, index: QModelIndex | QPersistentModelIndex) -> Qt.ItemFlag:
        """Return the flags of a cell."""
        flags = super().flags(index)
        match column_name(index):
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
            entry = self._rows[index.row()]
            if index.column() == len(COLUMNS):
                return self._settings_value(entry, role)
            return self._value(entry, COLUMNS[index.column()], role)
        # An exception that leaves a model's data() would end the process.
        except Exception as error:  # noqa: BLE001 - see above
            return f"{type(error).__name__}: {error}" if role == _SHOWN else None

    def _settings_value(self, entry: RunEntry, role: int) -> object:
        text = self._settings.get(entry.folder, "")
        if role in (_SHOWN, Qt.ItemDataRole.ToolTipRole):
            return plain_tip(text) if role == Qt.ItemDataRole.ToolTipRole else text
        if role == ENTRY_ROLE:
            return entry
        return (text or None) if role == SORT_ROLE else None

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
                return plain_tip(entry.message)
            case Qt.ItemDataRole.ToolTipRole if column.name == "name":
                return plain_tip(f"{entry.name}\nFolder: {entry.folder.name}")
            case Qt.ItemDataRole.ToolTipRole if column.name in ("note", "minibatch"):
                return plain_tip(column.text(entry))
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
        entry, name = self._rows[index.row()], column_name(index)
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
        last = self.sourceModel().index(source_row, len(COLUMNS), source_parent).data()
        text = " ".join((*(c.text(entry) for c in COLUMNS), last, entry.folder.name)).casefold()
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
