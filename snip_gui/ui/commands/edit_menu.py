"""The context menu that keeps or removes connections by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtWidgets import QMenu

from snip_gui.ui.widgets.plain_text import plain_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtWidgets import QWidget

    from snip_gui.core.pruning.edits.regions import Target
    from snip_gui.session.choosing.mask_editor import MaskEditor


def make_edit_menu(masks: MaskEditor, targets: Sequence[Target], parent: QWidget) -> QMenu:
    """Return a menu with an entry to keep and one to remove each target; deleted once closed."""
    menu = QMenu(parent)
    menu.setObjectName("edit_menu")
    menu.aboutToHide.connect(menu.deleteLater)
    obstacle = masks.obstacle
    if obstacle:
        menu.addAction(plain_name(obstacle)).setEnabled(False)
        return menu
    for action, title in (("keep", "Keep"), ("remove", "Remove")):
        menu.addSeparator()
        for target in targets:
            edit = msgspec.structs.replace(target.edit, action=action)
            entry = menu.addAction(plain_name(f"{title} {target.label}"))
            entry.triggered.connect(lambda _checked, edit=edit: masks.add(edit))
    return menu
