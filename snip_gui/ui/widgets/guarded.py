"""Overrides of Qt methods that cannot raise.

An exception that leaves an override while Qt paints may end the process: Qt continues with an
incomplete result, or with a painter that is never closed. In classes derived from `Guarded`, the
exception is reported instead, and Qt gets a harmless value.
"""

from __future__ import annotations

import functools
import sys
import traceback
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QSize, Qt

from snip_gui.ui.widgets.plain_text import plain_tip

if TYPE_CHECKING:
    from collections.abc import Callable

_HARMLESS: dict[str, object] = {
    # of models
    "rowCount": 0,
    "columnCount": 0,
    "data": None,
    "headerData": None,
    "flags": Qt.ItemFlag.NoItemFlags,
    "setData": False,
    "lessThan": False,
    "filterAcceptsRow": True,
    # of delegates and widgets
    "paint": None,
    "paintEvent": None,
    "sizeHint": QSize(),
    "minimumSizeHint": QSize(),
    "updateEditorGeometry": None,
}


class Guarded:
    """A base class, listed before Qt's own, of models, delegates and widgets that paint themselves.

    Tool tips of models are always plain text.
    """

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for name, harmless in _HARMLESS.items():
            if name in cls.__dict__:
                setattr(cls, name, _guarded(cls.__dict__[name], harmless))
        if issubclass(cls, QAbstractItemModel):
            for name in ("data", "headerData"):
                if name in cls.__dict__:
                    setattr(cls, name, _with_plain_tips(cls.__dict__[name]))


def _guarded(method: Callable[..., Any], harmless: object) -> Callable[..., Any]:
    """Return a method that reports exceptions, and then returns a harmless value."""

    @functools.wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Qt calls it
        try:
            return method(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - nothing may propagate into Qt
            sys.excepthook(type(error), error, error.__traceback__)
            # A painter referenced by the traceback would stay active.
            traceback.clear_frames(error.__traceback__)
            return harmless

    return guarded


def _with_plain_tips(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a model's method with tool tips as plain text."""

    @functools.wraps(method)
    def plain(*args: Any) -> Any:  # noqa: ANN401 - as Qt calls it
        value = method(*args)
        is_tip = Qt.ItemDataRole.ToolTipRole in args
        return plain_tip(value) if is_tip and isinstance(value, str) else value

    return plain
