"""The guided first look: six steps over the real window, left at any time."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from snip_gui.app import create_window


def child(window, kind, name):
    found = window.findChild(kind, name)
    assert found is not None, name
    return found


@pytest.fixture
def window(started):
    return started.window


def click(qtbot, widget):
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def test_it_is_offered_once(application, qtbot, tmp_path):
    window = application.window
    offer = child(window, QWidget, "first_look_offer")
    assert offer.isVisible()
    click(qtbot, child(window, QPushButton, "offer_decline"))
    assert not offer.isVisible()
    assert application.controller.state.preferences.first_look_offered
    window.close()
    again = create_window(tmp_path / "config")
    assert not child(again.window, QWidget, "first_look_offer").isVisibleTo(again.window)
    again.window.close()
    assert again.host.shutdown()
    again.window.deleteLater()


def test_six_steps_speak_of_what_is_in_sight(window, qtbot):
    click(qtbot, child(window, QPushButton, "offer_show"))
    tour = window.tour
    titles = []
    for number in range(6):
        assert tour.number == number
        assert tour.isVisible()
        assert window.rect().contains(tour.card.geometry())
        titles.append(child(window, QLabel, "tour_title").text())
        spot = tour._spot()
        assert window.rect().intersects(spot)
        beside = tour.card.geometry().intersected(spot)
        assert beside.height() * beside.width() < 0.5 * spot.height() * spot.width()
        click(qtbot, tour.next)
    assert titles == [
        "The minibatch", "Gradients", "Sensitivity", "The threshold", "The mask", "One connection"
    ]  # fmt: skip
    assert window.lazy.studies.lesson.isVisible()
    assert not tour.isVisible()
    assert not tour.card.isVisible()
    assert window.heatmap.show_map.isChecked()


def test_it_goes_back_and_is_left_by_escape(window, qtbot):
    window.actions_by_name["first_look"].trigger()
    tour = window.tour
    assert not tour.back.isEnabled()
    click(qtbot, tour.next)
    assert window.heatmap.weights.colours.currentData() == "gradient"
    click(qtbot, tour.back)
    assert tour.number == 0
    qtbot.keyClick(tour.next, Qt.Key.Key_Escape)
    assert tour.number == -1
    assert not tour.card.isVisible()
    window.actions_by_name["first_look"].trigger()
    click(qtbot, tour.close_button)
    assert tour.number == -1


def test_the_window_stays_usable_meanwhile(window, started, qtbot):
    window.actions_by_name["first_look"].trigger()
    for _ in range(3):
        click(qtbot, window.tour.next)
    before = started.controller.state.recipe.pruning.sparsity
    qtbot.keyClick(window.heatmap.control.slider, Qt.Key.Key_PageUp)
    assert started.controller.state.recipe.pruning.sparsity != before
    place = window.heatmap.control.mapTo(window, QPoint(5, 5))
    assert window.childAt(place) not in (window.tour, None)
    window.tour.end()


@pytest.mark.parametrize("size", [(1024, 700), (1440, 900)])
def test_the_card_stays_inside_at_any_size(window, qtbot, size):
    window.actions_by_name["first_look"].trigger()
    window.resize(*size)
    for _ in range(5):
        qtbot.waitUntil(lambda: window.rect().contains(window.tour.card.geometry()))
        click(qtbot, window.tour.next)
