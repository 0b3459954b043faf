"""Overrides of Qt's methods that raise: reported, and the process goes on."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import pytest
import shiboken6
from PySide6.QtCore import QAbstractItemModel, QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QAbstractItemDelegate, QStyledItemDelegate, QTableView, QWidget

import snip_gui.ui
from snip_gui.ui.widgets.guarded import Guarded


@pytest.fixture
def reported(monkeypatch):
    """What was reported as a fault of the program."""
    found = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: found.append(str(error)))
    return found


class Faulty(Guarded, QAbstractTableModel):
    def __init__(self, fault):
        super().__init__()
        self.fault = fault

    def _may_fail(self, name):
        if name == self.fault:
            raise ZeroDivisionError(name)

    def rowCount(self, parent=None):
        self._may_fail("rowCount")
        return 2

    def columnCount(self, parent=None):
        self._may_fail("columnCount")
        return 2

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        self._may_fail("data")
        return "<b>cell</b>" if role == Qt.ItemDataRole.ToolTipRole else "cell"

    def headerData(self, section, orientation, role=Qt.ItemDataRole.DisplayRole):
        self._may_fail("headerData")

    def flags(self, index):
        self._may_fail("flags")
        return Qt.ItemFlag.ItemIsEnabled


class FaultyDelegate(Guarded, QStyledItemDelegate):
    def paint(self, painter, option, index):
        raise ZeroDivisionError("paint")

    def sizeHint(self, option, index):
        raise ZeroDivisionError("sizeHint")


@pytest.mark.parametrize("fault", ["rowCount", "columnCount", "data", "headerData", "flags"])
def test_a_model_that_raises_is_reported_and_shown_as_far_as_it_goes(qapp, reported, fault):
    view, model = QTableView(), Faulty(fault)
    view.setModel(model)
    view.grab()
    assert set(reported) == {fault}
    shiboken6.delete(view)


def test_a_delegate_that_raises_is_reported(qapp, reported):
    view, model, delegate = QTableView(), Faulty(""), FaultyDelegate()
    view.setModel(model)
    view.setItemDelegate(delegate)
    view.resizeColumnsToContents()
    view.grab()
    assert set(reported) == {"paint", "sizeHint"}
    shiboken6.delete(view)


def test_a_widget_that_raises_while_it_draws_can_be_drawn_again(qapp, reported):
    """A painter that the traceback keeps alive would end the process."""

    class FaultyWidget(Guarded, QWidget):
        def paintEvent(self, _event):
            painter = QPainter(self)
            painter.drawPoint(0, 0)
            painters.append(painter.isActive())
            raise ZeroDivisionError("paintEvent")

    painters = []
    widget = FaultyWidget()
    for _ in range(3):
        widget.grab()
    assert reported == ["paintEvent"] * 3
    assert painters == [True] * 3
    shiboken6.delete(widget)


def test_tool_tips_of_models_are_plain(qapp):
    model = Faulty("")
    tip = model.data(model.index(0, 0, QModelIndex()), Qt.ItemDataRole.ToolTipRole)
    assert "&lt;b&gt;cell&lt;/b&gt;" in tip
    assert model.data(model.index(0, 0), Qt.ItemDataRole.DisplayRole) == "cell"


def test_every_model_delegate_and_painted_widget_of_the_program_is_guarded():
    for module in pkgutil.walk_packages(snip_gui.ui.__path__, "snip_gui.ui."):
        importlib.import_module(module.name)
    ours = [cls for cls in subclasses(QAbstractItemModel, QAbstractItemDelegate, QWidget)
            if cls.__module__.startswith("snip_gui.")]  # fmt: skip
    draws = [cls for cls in ours if not issubclass(cls, QWidget) or "paintEvent" in vars(cls)]
    assert len(draws) > 15
    assert [cls.__name__ for cls in draws if not issubclass(cls, Guarded)] == []


def subclasses(*kinds):
    for kind in kinds:
        for cls in kind.__subclasses__():
            yield cls
            yield from subclasses(cls)
