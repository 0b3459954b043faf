"""The preferences in one form, bound to what shows the same setting elsewhere."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QAction, QValidator
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QSpinBox

from snip_gui.session.state.preference_fields import preference_sections
from snip_gui.session.state.preferences import Preferences, load_preferences


@pytest.fixture
def panel(application):
    application.window.actions_by_name["preferences"].trigger()
    yield application.window.centre.currentWidget()
    application.controller.prefer(numbers="system", theme="system")


def preferences(application) -> Preferences:
    return application.controller.state.preferences


def choose(combo, value):
    combo.setCurrentIndex(combo.findData(value))
    combo.activated.emit(combo.currentIndex())


def test_every_field_is_a_preference_and_has_help():
    for _, fields in preference_sections():
        for field in fields:
            assert hasattr(Preferences(), field.path)
            assert field.help.endswith(".")


def test_the_form_and_the_menu_show_the_same_theme(application, panel):
    choose(panel.editor("theme"), "dark")
    assert preferences(application).theme == "dark"
    assert application.window.findChild(QAction, "action_theme_dark").isChecked()
    application.window.findChild(QAction, "action_theme_light").trigger()
    assert panel.editor("theme").currentData() == "light"


def test_the_form_and_the_action_show_the_same_live_scoring(application, panel):
    action, box = application.window.actions_by_name["live_scoring"], panel.editor("live_scoring")
    assert not action.isChecked()
    box.click()
    assert action.isChecked()
    assert preferences(application).live_scoring
    action.trigger()
    assert not box.isChecked()


def test_the_form_and_the_training_panel_show_the_same_companions(application, panel):
    application.window.docks["training"].show()
    box = application.window.findChild(QCheckBox, "train_random")
    panel.editor("train_random").click()
    assert box.isChecked()
    box.click()
    assert not preferences(application).train_random
    assert not panel.editor("train_random").isChecked()


def test_threads_and_memory_are_automatic_at_zero(application, panel):
    threads: QSpinBox = panel.editor("num_threads")
    assert threads.value() == 1  # as the fixture prefers
    threads.setValue(0)
    assert preferences(application).num_threads is None
    assert "automatic" in threads.text()
    panel.editor("image_memory_gb").setValue(1.5)
    assert preferences(application).image_memory_gb == 1.5


def test_the_runs_folder_is_listed_as_soon_as_it_is_entered(application, panel, qtbot, tmp_path):
    line = panel.editor("runs_folder").line
    qtbot.keyClicks(line, str(tmp_path / "elsewhere"))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert preferences(application).runs_path == tmp_path / "elsewhere"


def test_a_cluster_has_an_address_and_processes_have_a_number(application, panel):
    executor: QComboBox = panel.editor("executor")
    assert panel.editor("dask_address").isHidden()
    choose(executor, "dask")
    assert not panel.editor("dask_address").isHidden()
    assert panel.editor("num_at_once").isHidden()


def test_the_decimal_mark_is_that_of_the_preferences(application, panel):
    field = application.window.findChild(QDoubleSpinBox, "sparsity_percent")
    for name, mark, other in (("comma", ",", "."), ("point", ".", ",")):
        choose(panel.editor("numbers"), name)
        assert mark in field.text()
        assert other not in field.text()
        assert field.validate(f"12{mark}5", 0)[0] == QValidator.State.Acceptable
    assert QLocale() == QLocale(QLocale.Language.English)


def test_what_is_chosen_is_there_at_the_next_start(application, panel, qtbot, tmp_path):
    panel.editor("event_files").click()
    choose(panel.editor("executor"), "dask")
    assert application.keeper.finish()
    found, problems = load_preferences(tmp_path / "config" / "preferences.json")
    assert (found.event_files, found.executor, problems) == (True, "dask", [])
    assert found.environment.event_files
