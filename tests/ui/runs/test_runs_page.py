"""The Runs page, its dialogs and the offer to go on, with clicks and keys."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QPushButton, QWidget

from snip_gui.core.recipe.json import with_value
from snip_gui.ui.dialogs.runs.sweep_dialog import SweepDialog
from snip_gui.ui.dialogs.runs.table_dialog import TableDialog
from snip_gui.ui.runs.columns import COLUMNS, NUMBERS
from snip_gui.ui.runs.runs_model import ENTRY_ROLE
from tests.run_folders import make_run, recipe_with

WAIT_MS = 60_000


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


def click(qtbot, widget):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def wait(qtbot):
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=WAIT_MS)


@pytest.fixture
def filled(application, folder, wait):
    """Four runs in the panel; torch is not needed for that."""
    recipes = {
        "dense": recipe_with(pruning__sparsity=0.0),
        "pruned": recipe_with(pruning__sparsity=0.95, data__name="mnist"),
        "random": recipe_with(pruning__method="random", pruning__sparsity=0.95),
        "halted": recipe_with(pruning__sparsity=0.9, training__epochs=9),
    }
    for number, (name, recipe) in enumerate(recipes.items()):
        created = f"2024-01-0{number + 1}T00:00:00+00:00"
        state = "stopped" if name == "halted" else "finished"
        error = 0.02 * (number + 1)
        make_run(folder, name, recipe, created=created, state=state, error=error)
    application.window.views.show_runs()
    application.controller.runs.refresh()
    wait(lambda: application.controller.runs.is_listed and not application.host.is_busy())
    return application


@pytest.fixture
def panel(filled):
    return filled.window.lazy.runs


def column(panel, name):
    rows = range(panel.sorted.rowCount())
    return [panel.sorted.index(row, NUMBERS[name]).data() for row in rows]


def folders(panel):
    return [entry.folder.name for entry in panel.table.shown()]


def select(panel, *names):
    panel.table.clearSelection()
    flags = QItemSelectionModel.SelectionFlag
    for row in range(panel.sorted.rowCount()):
        index = panel.sorted.index(row, 0)
        if index.data(ENTRY_ROLE).folder.name in names:
            panel.table.selectionModel().select(index, flags.Select | flags.Rows)


def cell(panel, name, column_name):
    row = folders(panel).index(name)
    return panel.sorted.index(row, NUMBERS[column_name])


def click_cell(qtbot, panel, index, at=None):
    panel.table.scrollTo(index)
    place = panel.table.visualRect(index)
    at = place.center() if at is None else place.topLeft() + at
    qtbot.mouseClick(panel.table.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_without_runs_the_panel_says_what_to_do(application, wait):
    application.window.views.show_runs()
    empty = child(application.window, QLabel, "runs_empty")
    assert empty.text() == "Looking for runs…"
    application.controller.runs.refresh()
    wait(lambda: "Train (F6)" in empty.text())
    assert empty.isVisible()


def test_runs_are_shown_newest_first_with_what_came_of_them(panel):
    assert folders(panel) == ["halted", "random", "pruned", "dense"]
    assert column(panel, "sparsity") == ["90.00%", "95.00%", "95.00%", "0.00%"]
    assert column(panel, "method") == ["SNIP", "Random mask", "SNIP", "SNIP"]
    assert column(panel, "epochs") == ["3 of 9", "3 of 10", "3 of 10", "3 of 10"]
    assert column(panel, "state") == ["stopped", "finished", "finished", "finished"]
    names = ["SNIP 90% · seed 0", "Random mask 95% · seed 0", "SNIP 95% · seed 0", "Dense · seed 0"]
    assert column(panel, "name") == names


def test_runs_made_elsewhere_appear_when_the_panel_is_shown(panel, filled, folder, wait):
    filled.window.views.show_connections()
    wait(lambda: panel.visibleRegion().isEmpty() and not filled.host.is_busy())
    make_run(folder, "by command", recipe_with(), created="2025-01-01T00:00:00+00:00")
    filled.window.views.show_runs()
    wait(lambda: "by command" in folders(panel))


def test_numbers_are_sorted_as_numbers_and_nothing_comes_last(panel, filled, folder, wait):
    make_run(folder, "untrained", recipe_with(), points=[], state="pruned")
    filled.controller.runs.refresh()
    wait(lambda: panel.sorted.rowCount() == 5)
    number = NUMBERS["test_error"]
    panel.table.sortByColumn(number, Qt.SortOrder.AscendingOrder)
    assert folders(panel) == ["dense", "pruned", "random", "halted", "untrained"]
    panel.table.sortByColumn(number, Qt.SortOrder.DescendingOrder)
    assert folders(panel) == ["halted", "random", "pruned", "dense", "untrained"]


def test_the_filter_wants_every_word(panel, qtbot, filled):
    line = child(filled.window, QLineEdit, "runs_filter")
    qtbot.keyClicks(line, "snip digits")
    assert folders(panel) == ["halted", "dense"]
    assert child(filled.window, QLabel, "runs_count").text() == "2 of 4"
    line.clear()
    assert len(folders(panel)) == 4


def test_a_refresh_leaves_selection_and_place_alone(panel, filled, folder, wait):
    select(panel, "pruned", "dense")
    make_run(folder, "another", recipe_with(), created="2025-01-01T00:00:00+00:00")
    filled.controller.runs.refresh()
    wait(lambda: panel.sorted.rowCount() == 5)
    assert [entry.folder.name for entry in panel.selected()] == ["pruned", "dense"]


def test_a_click_stars(panel, qtbot, wait):
    click_cell(qtbot, panel, cell(panel, "pruned", "star"))
    wait(lambda: cell(panel, "pruned", "star").data() == "★")
    click_cell(qtbot, panel, cell(panel, "pruned", "star"))
    wait(lambda: cell(panel, "pruned", "star").data() == "☆")


def test_ticking_a_run_lays_it_over_the_charts(panel, qtbot, filled, wait):
    runs = filled.controller.runs
    click_cell(qtbot, panel, cell(panel, "pruned", "shown"), QPoint(12, 12))
    assert [entry.folder.name for entry in runs.checked] == ["pruned"]
    wait(lambda: runs.curve(runs.checked[0]))
    click_cell(qtbot, panel, cell(panel, "pruned", "shown"), QPoint(12, 12))
    assert runs.checked == ()


def test_renaming_and_noting_in_the_table(panel, qtbot, folder, wait):
    select(panel, "pruned")
    panel.actions_by_name["rename"].trigger()
    editor = panel.table.viewport().findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "the best")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    wait(lambda: "the best" in column(panel, "name"))
    assert (folder / "pruned").is_dir()  # the same recipe still finds its run
    panel.model.note_asked.emit(cell(panel, "pruned", "name").data(ENTRY_ROLE), " nice ")
    wait(lambda: cell(panel, "pruned", "note").data() == "nice")


def test_deleting_and_undoing(panel, qtbot, filled, wait):
    select(panel, "pruned", "dense")
    panel.table.setFocus()
    panel.actions_by_name["delete"].trigger()
    wait(lambda: folders(panel) == ["halted", "random"])
    undo = child(filled.window, QPushButton, "runs_undo")
    wait(undo.isVisible)
    assert child(filled.window, QLabel, "runs_said").text() == "2 runs moved to the bin."
    click(qtbot, undo)
    wait(lambda: len(folders(panel)) == 4)
    assert not undo.isVisible()


def test_the_recipe_of_a_run_becomes_the_current_one_as_one_step_of_undo(panel, qtbot, filled):
    state = filled.controller.state
    before = state.recipe
    button = child(filled.window, QPushButton, "run_open_recipe")
    assert not button.isEnabled()
    select(panel, "pruned")
    click(qtbot, button)
    assert state.recipe.pruning.sparsity == 0.95
    assert state.recipe.data.name == "mnist"
    filled.controller.undo_stack.undo()
    assert state.recipe == before


def test_differences_of_ticked_runs(panel, qtbot, filled, folder):
    button = child(filled.window, QPushButton, "run_differences")
    assert not button.isEnabled()
    for name in ("dense", "halted"):
        filled.controller.runs.check(folder / name, True)
    click(qtbot, button)
    dialog = child(filled.window, TableDialog, "table_dialog")
    table = child(dialog, QWidget, "table")
    cells = [[table.item(r, c).text() for c in range(3)] for r in range(table.rowCount())]
    assert cells == [
        ["Sparsity (pruning.sparsity)", "0", "0.9"],
        ["Epochs (training.epochs)", "10", "9"],
    ]
    click(qtbot, child(dialog, QPushButton, "copy_latex"))
    assert r"\toprule" in QGuiApplication.clipboard().text()
    dialog.close()


@pytest.mark.parametrize(
    ("form", "start"), [("csv", "Run,Network"), ("markdown", "| Run |"), ("latex", r"\begin")]
)
def test_copying_the_selected_runs(panel, form, start):
    select(panel, "pruned", "dense")
    panel.actions_by_name[f"copy_{form}"].trigger()
    text = QGuiApplication.clipboard().text()
    assert text.startswith(start)
    assert "SNIP 95% · seed 0" in text.replace("\\", "")
    assert "random" not in text.lower()


def test_showing_the_folder_and_exporting(panel, filled, folder, monkeypatch, tmp_path):
    opened, exported = [], []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    monkeypatch.setattr(filled.controller.exporter, "choose", exported.append)
    select(panel, "pruned")
    panel.actions_by_name["show_folder"].trigger()
    panel.actions_by_name["export"].trigger()
    assert opened == [QUrl.fromLocalFile(str(folder / "pruned"))]
    assert exported == [folder / "pruned"]
    panel.window().findChild(QDialog, "export_dialog").reject()


def shown_order(panel):
    header = panel.table.horizontalHeader()
    places = range(header.count())
    names = [panel.model.headerData(header.logicalIndex(p), Qt.Orientation.Horizontal)
             for p in places if not header.isSectionHidden(header.logicalIndex(p))]  # fmt: skip
    return names[3:]


def test_the_columns_that_differ_come_first(panel, filled, folder, wait):
    assert shown_order(panel)[:4] == ["Data", "Method", "Sparsity", "Epochs"]
    recipe = recipe_with(pruning__sparsity=0.95, training__batch_size=50)
    make_run(folder, "small batches", recipe, created="2025-01-01T00:00:00+00:00")
    filled.controller.runs.refresh()
    wait(lambda: "small batches" in folders(panel))
    assert shown_order(panel)[4] == "Other settings"
    texts = [panel.sorted.index(row, len(COLUMNS)).data() for row in range(2)]
    assert texts == ["Batch size 50", "Batch size 100"]


def test_columns_moved_by_hand_stay_where_they_are(panel, filled, folder, wait):
    header = panel.table.horizontalHeader()
    header.moveSection(header.visualIndex(NUMBERS["note"]), 3)
    make_run(folder, "another", recipe_with(seed=4))
    filled.controller.runs.refresh()
    wait(lambda: "another" in folders(panel))
    assert shown_order(panel)[0] == "Note"


def test_more_than_three_runs_are_in_sight_beside_the_error_plot(panel, filled, folder, wait):
    for seed in range(1, 12):
        make_run(folder, f"seed {seed}", recipe_with(seed=seed))
    filled.window.resize(1024, 700)
    filled.controller.runs.refresh()
    wait(lambda: panel.sorted.rowCount() == 15)
    table = panel.table
    rows = [table.visualRect(panel.sorted.index(row, NUMBERS["name"])) for row in range(15)]
    assert sum(table.viewport().rect().contains(rect) for rect in rows) > 3
    assert panel.plot.plot.isVisible()
    assert panel.plot.plot.height() > 100


def test_error_against_sparsity_shows_means_and_the_published_points(panel, qtbot, filled, folder):
    for seed, error in ((1, 0.03), (2, 0.05)):
        recipe = recipe_with(pruning__sparsity=0.95, data__name="mnist", seed=seed)
        make_run(folder, f"seed {seed}", recipe, error=error)
    filled.controller.runs.refresh()
    qtbot.waitUntil(lambda: panel.sorted.rowCount() == 6, timeout=WAIT_MS)
    legend = panel.plot.legend.text()
    assert "MNIST, SNIP, 3 runs per level" in legend
    assert "bands one standard deviation" in legend
    assert "LeNet-300-100 on MNIST: Lee, Ajanthan &amp; Torr 2019, Figure 1" in legend
    view = panel.plot.plot.getViewBox()
    before = view.viewRange()[0]
    panel.plot.stretched.click()
    assert view.viewRange()[0] != before


def test_the_sparsity_axis_of_the_error_plot_ends_at_its_points(panel, filled):
    view = panel.plot.plot.getViewBox()
    low, high = view.viewRange()[0]
    assert -1 <= low < 0  # the dense run
    assert 95 < high <= 101
    panel.filter.setText("random")
    low, high = view.viewRange()[0]
    assert 85 < low < 95 < high <= 101


def test_errors_are_logarithmic_until_switched_off(panel, qtbot):
    axis, view = panel.plot.plot.getAxis("left"), panel.plot.plot.getViewBox()
    low, high = view.viewRange()[1]
    assert high < 2  # the logarithm of 100%
    ((_, ticks),) = axis.tickValues(low, high, 200)
    texts = axis.tickStrings(ticks, 1, 1)
    assert len(texts) > 2
    assert all(10**low <= float(text) <= 10**high for text in texts)
    click(qtbot, panel.plot.logarithmic)
    assert view.viewRange()[1][1] > 5


def test_a_click_on_a_point_opens_its_run(panel, qtbot, filled):
    state = filled.controller.state
    (dots,) = (d for d in panel.plot.points if d.data["data"][0].folder.name == "pruned")
    (point,) = dots.points()
    place = panel.plot.plot.mapFromScene(dots.mapToScene(point.pos()))
    qtbot.mouseClick(panel.plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert (state.recipe.data.name, state.recipe.pruning.sparsity) == ("mnist", 0.95)
    assert [entry.folder.name for entry in panel.selected()] == ["pruned"]
    filled.controller.undo_stack.undo()
    assert state.recipe.data.name == "digits"


def test_ticked_runs_alone_are_plotted(panel, filled, folder):
    for name in ("dense", "pruned"):
        filled.controller.runs.check(folder / name, True)
    plotted = {run.folder.name for dots in panel.plot.points for run in dots.data["data"]}
    assert plotted == {"dense", "pruned"}


def test_error_against_sparsity_without_a_finished_run_says_so(application, folder, qtbot, wait):
    make_run(folder, "one", recipe_with(), state="pruned", points=[])
    application.window.views.show_runs()
    application.controller.runs.refresh()
    wait(lambda: application.controller.runs.is_listed)
    empty = child(application.window, QLabel, "error_sparsity_empty")
    assert empty.isVisible()
    assert "Sweep…" in empty.text()


def test_a_sweep_says_what_it_makes_and_refuses_in_place(panel, qtbot, filled, monkeypatch):
    added = []
    monkeypatch.setattr(filled.controller.queue, "add", added.extend)
    filled.window.actions_by_name["sweep"].trigger()
    dialog = child(filled.window, SweepDialog, "sweep_dialog")
    number = child(dialog, QLabel, "sweep_number")
    assert number.text() == "7 runs"
    dialog.sparsities.setText("0, 100")
    assert "“100” is not a sparsity." in number.text()
    assert not dialog.start.isEnabled()
    dialog.sparsities.setText("0, 90")
    dialog.seeds.setText("0-2")
    assert number.text() == "6 runs"
    dialog.methods["random"].click()
    assert number.text() == "9 runs"
    dialog.methods["random"].click()
    click(qtbot, dialog.start)
    assert [(r.seed, r.pruning.sparsity) for r in added][:3] == [(0, 0.0), (0, 0.9), (1, 0.0)]


def test_a_queue_is_shown_and_stopped(started, qtbot, wait):
    controller, window = started.controller, started.window
    window.views.show_runs()
    controller.set_field("training.epochs", 100_000)
    recipe = controller.state.recipe
    controller.queue.add([with_value(recipe, "seed", seed) for seed in range(3)])
    said = child(window, QLabel, "runs_said")
    wait(lambda: said.isVisible())
    assert said.text() == "Queue: run 1 of 3, training; 2 waiting."
    status = child(window, QLabel, "status_text")
    wait(lambda: status.text().startswith("Run 1 of 3: training, epoch"))
    controller.stop()
    wait(lambda: said.text() == "Queue: run 1 of 3, paused; 2 waiting.")
    click(qtbot, child(window, QPushButton, "queue_go_on"))
    wait(lambda: said.text() == "Queue: run 2 of 3, training; 1 waiting.")
    wait(lambda: controller.state.training.points)
    click(qtbot, child(window, QPushButton, "queue_stop"))
    wait(lambda: not said.isVisible())
    assert controller.queue.total == 0
    assert len(controller.runs.entries) == 2


def test_an_interrupted_run_is_offered_above_the_picture(application, folder, qtbot, wait):
    make_run(folder, "halted", recipe_with(training__epochs=9), state="stopped")
    offer = application.window.offer
    assert not offer.isVisible()
    application.controller.runs.refresh()
    wait(offer.isVisible)
    assert "SNIP 90% · seed 0, was interrupted after 3 of 9 epochs" in offer.text()
    asked = []
    application.controller.resume_run = asked.append
    click(qtbot, offer.action)
    assert asked == [folder / "halted"]
    click(qtbot, child(offer, QWidget, "banner_dismiss"))
    assert not offer.isVisible()


def test_a_stopped_run_resumes_from_the_panel(started, qtbot, wait):
    controller, window = started.controller, started.window
    window.views.show_runs()
    controller.set_field("training.epochs", 100_000)
    controller.train()
    wait(lambda: controller.state.training.points)
    controller.stop()
    wait(lambda: [e.state for e in controller.runs.entries] == ["stopped"])
    wait(lambda: not started.host.is_busy())
    button = child(window, QPushButton, "run_continue")
    assert not button.isEnabled()
    window.lazy.runs.table.selectRow(0)
    steps = controller.state.training.step
    click(qtbot, button)
    assert not button.isEnabled()
    wait(lambda: controller.state.training.step > steps)
