"""All actions of the window as data, from which menus, toolbar and shortcuts are built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import QObject


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action.

    Attributes
    ----------
    name
        Name in snake case; the window has a method ``_on_<name>``, or one of its command objects a
        method ``<name>``.
    menu
        Its menu; a leading ``-`` inserts a separator before it.
    """

    name: str
    text: str
    menu: str
    shortcut: str = ""
    icon: str = ""
    tip: str = ""
    is_checkable: bool = False


ACTIONS = (
    ActionSpec("new_recipe", "&New", "File", "Ctrl+N", "", "Start again from the default recipe"),
    ActionSpec("open_recipe", "&Open recipe…", "File", "Ctrl+O", "open", "Open a saved recipe"),
    ActionSpec("save_recipe", "&Save recipe…", "File", "Ctrl+S", "save", "Save the recipe"),
    ActionSpec("open_checkpoint", "Open &checkpoint…", "File", "Ctrl+Shift+O", "",
               "Inspect pruned weights from a file, continue training or export them again"),
    ActionSpec("open_bundle", "Open &bundle…", "File", "", "",
               "Look at a run of somebody else's without running its code"),
    ActionSpec("open_masks", "Open &masks…", "File", "", "",
               "Open masks by parameter name from a safetensors or NumPy file"),
    ActionSpec("open_pins", "Open p&ins…", "-File", "", "", "Add the pinned masks of a file"),
    ActionSpec("save_pins", "Save pi&ns…", "File", "", "",
               "Save the pinned masks; they are kept with the session as well"),
    ActionSpec("save_run", "Save &run untrained", "-File", "Ctrl+Shift+S", "",
               "Save scores and mask as a run folder without training"),
    ActionSpec("export", "&Export…", "File", "Ctrl+E", "export",
               "Export the pruned checkpoint"),
    ActionSpec("share", "S&hare…", "File", "", "",
               "Write the current run to one file for other people"),
    ActionSpec("save_picture", "Save &picture…", "File", "Ctrl+P", "",
               "Save or copy a visible picture or chart, or its data"),
    ActionSpec("save_animation", "Save &animation…", "File", "", "",
               "Save what ▶ plays as an animated GIF or PNG: the mask from dense to sparse"),
    ActionSpec("copy_command", "&Copy as command", "-File", "Ctrl+Shift+C", "",
               "Copy the command that reproduces the current result"),
    ActionSpec("copy_python", "Copy as P&ython", "File", "", "",
               "Copy notebook code that builds and prunes the current network"),
    ActionSpec("copy_mask", "Copy mas&k as Python…", "File", "", "",
               "Save the current mask, and copy the lines that put it into your training script"),
    ActionSpec("quit", "&Quit", "-File", "Ctrl+Q"),
    ActionSpec("undo", "&Undo", "Edit", "Ctrl+Z", "undo", "Undo"),
    ActionSpec("redo", "&Redo", "Edit", "Ctrl+Shift+Z", "redo", "Redo"),
    ActionSpec("pin", "&Pin current mask", "-Edit", "Ctrl+D", "",
               "Pin the current mask for Compare"),
    ActionSpec("clear_selection", "&Clear selection", "-Edit", "Esc", "",
               "Deselect the unit, pixel or connection"),
    ActionSpec("preferences", "P&references", "-Edit", "Ctrl+,", "",
               "Theme, device, threads, folders, live scoring and background runs"),
    ActionSpec("score", "&Score", "Run", "F5", "score",
               "Compute the sensitivity of every connection on the minibatch"),
    ActionSpec("live_scoring", "&Live scoring", "Run", "", "",
               "Score automatically after every change, if this takes less than 0.3 s", True),
    ActionSpec("train", "&Train", "Run", "F6", "train",
               "Prune at this sparsity and train the remaining connections"),
    ActionSpec("stop", "S&top", "Run", "F7", "stop",
               "Stop the training; progress is kept"),
    ActionSpec("resume", "&Continue", "Run", "F8", "continue",
               "Resume the stopped training"),
    ActionSpec("score_without", "Score &without selected images", "-Run", "", "",
               "See how the mask changes without the images selected in the minibatch"),
    ActionSpec("stability", "Sta&bility…", "Run", "", "",
               "Score other random images or weights and see which connections are always kept"),
    ActionSpec("sweep", "S&weep…", "-Run", "F9", "",
               "Train at several sparsities and with several seeds, one after another"),
    ActionSpec("show_connections", "&Connections", "View", "Ctrl+1", "", "Show the heatmap"),
    ActionSpec("show_images", "&Images", "View", "Ctrl+2", "images", "Show the training images"),
    ActionSpec("show_network", "&Network", "View", "Ctrl+3", "", "Show the network layer by layer"),
    ActionSpec("show_grid", "&Grid", "View", "Ctrl+4", "",
               "Show input maps of several variants and sparsities"),
    ActionSpec("show_compare", "C&ompare", "View", "Ctrl+5", "", "Compare the pinned masks"),
    ActionSpec("show_systems", "S&ystems", "View", "", "",
               "Compare pruning systems on the current network and data set"),
    ActionSpec("show_flow", "&Flow", "View", "Ctrl+6", "",
               "Show the whole network, from input to output, and what the mask keeps connected"),
    ActionSpec("show_runs", "&Runs", "View", "Ctrl+7", "", "Show all runs and their errors"),
    ActionSpec("show_answers", "R&ecognise", "View", "Ctrl+8", "",
               "Draw or choose an image and see what the trained networks recognise in it"),
    ActionSpec("reset_view", "Reset &zoom", "View", "Ctrl+0", "", "Show the whole heatmap"),
    ActionSpec("presentation", "&Presentation", "-View", "F11", "",
               "The picture and its slider alone, in large type (F11 or Esc ends it)"),
    ActionSpec("fold_sides", "Fold &side columns", "View", "F12", "",
               "Hide the columns beside the picture, or show them again"),
    ActionSpec("reset_layout", "Reset &layout", "View", "", "", "Restore the default layout"),
    ActionSpec("first_look", "&First look", "Help", "", "",
               "Six short steps: minibatch, gradients, sensitivity, threshold, mask, lesson"),
    ActionSpec("manual", "&Manual", "-Help", "F1", "", "Search and read the documentation"),
    ActionSpec("about", "&About SNIP explorer", "Help"),
    ActionSpec("copy_diagnostics", "Copy &diagnostics", "Help", "", "",
               "Copy versions, devices and settings for a bug report"),
)  # fmt: skip

MENUS = ("File", "Edit", "Run", "View", "Help")


def make_actions(
    parent: QObject, handler: Callable[[str], Callable[[], None]]
) -> dict[str, QAction]:
    """Return the actions by name, connected to their handlers."""
    made = {}
    for spec in ACTIONS:
        action = QAction(spec.text, parent)
        action.setCheckable(spec.is_checkable)
        action.setObjectName(f"action_{spec.name}")
        if spec.shortcut:
            action.setShortcut(QKeySequence(spec.shortcut))
        tip = spec.tip or spec.text.replace("&", "")
        action.setToolTip(f"{tip} ({spec.shortcut})" if spec.shortcut else tip)
        action.setStatusTip(tip)
        action.triggered.connect(handler(spec.name))
        made[spec.name] = action
    return made


def shortcuts_page() -> str:
    """Return the page of the manual on keyboard shortcuts, as Markdown."""
    lines = [
        f"| {spec.shortcut} | {spec.tip or spec.text.replace('&', '')} |"
        for spec in ACTIONS
        if spec.shortcut
    ]
    others = (
        "| Arrow keys in a picture | Move the cursor; with Ctrl by ten, with Shift pan |",
        "| Enter in a picture | Select what is under the cursor |",
        "| + - 0 in a picture | Zoom in, zoom out, show everything |",
        "| Delete in the minibatch | Remove the selected images |",
        "| Ctrl+V in the minibatch | Add an image from the clipboard |",
    )
    return "\n".join(
        ["# Keyboard shortcuts", "", "| keys | effect |", "|---|---|", *lines, *others]
    )
