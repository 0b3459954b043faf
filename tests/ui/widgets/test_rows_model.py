from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester

from snip_gui.ui.widgets.rows_model import Column, RowsModel

COLUMNS = (
    Column("Name", lambda row: row[0], "What it is called"),
    Column("Count", lambda row: f"{row[1]:,}", is_number=True),
)


@pytest.fixture
def model(qapp):
    model = RowsModel(COLUMNS, lambda row: row[0], lambda row: f"{row[0]} has {row[1]}")
    tester = QAbstractItemModelTester(
        model, QAbstractItemModelTester.FailureReportingMode.Warning, model
    )
    model.show_rows((("a", 1), ("b", 2000)))
    yield model
    del tester


def texts(model):
    return [
        [model.index(row, column).data() for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def test_cells_and_titles_are_those_of_the_columns(model):
    assert texts(model) == [["a", "1"], ["b", "2,000"]]
    titles = [model.headerData(n, Qt.Orientation.Horizontal) for n in range(2)]
    assert titles == ["Name", "Count"]
    tip = model.headerData(0, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert tip == "What it is called"
    assert model.index(1, 0).data(Qt.ItemDataRole.ToolTipRole) == "b has 2000"
    assert model.headerData(0, Qt.Orientation.Vertical) is None


def test_numbers_stand_on_the_right(model):
    for column, side in enumerate((Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight)):
        role = Qt.ItemDataRole.TextAlignmentRole
        assert model.index(0, column).data(role) & side
        assert model.headerData(column, Qt.Orientation.Horizontal, role) & side


def test_other_values_of_the_same_rows_leave_the_selection(model, qtbot):
    selection = QItemSelectionModel(model)
    selection.select(model.index(1, 0), QItemSelectionModel.SelectionFlag.Select)
    with qtbot.assertNotEmitted(model.modelReset), qtbot.waitSignal(model.dataChanged) as told:
        model.show_rows((("a", 5), ("b", 6)))
    first, last = told.args[:2]
    assert ((first.row(), first.column()), (last.row(), last.column())) == ((0, 0), (1, 1))
    assert texts(model) == [["a", "5"], ["b", "6"]]
    assert [index.row() for index in selection.selectedIndexes()] == [1]


@pytest.mark.parametrize("rows", [(), (("a", 1),), (("b", 1), ("a", 1))])
def test_other_rows_start_over(model, qtbot, rows):
    with qtbot.waitSignal(model.modelReset):
        model.show_rows(rows)
    assert model.rowCount() == len(rows)
    assert texts(model) == [[name, str(count)] for name, count in rows]


def test_a_cell_has_no_rows_below_it(model):
    below = model.index(0, 0)
    assert (model.rowCount(below), model.columnCount(below)) == (0, 0)
    assert model.rowCount(QModelIndex()) == 2
