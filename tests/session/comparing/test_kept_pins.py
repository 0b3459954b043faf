"""Pins survive the session and can be saved to and opened from a file."""

from __future__ import annotations

import pytest

from snip_gui.core.recipe.recipe import Draw, Recipe
from snip_gui.session.comparing.kept_pins import KeptPin, decode_pins, encode_pins

WAIT_MS = 60_000


@pytest.fixture
def pinned(make_controller, qtbot):
    controller = make_controller(Recipe(minibatch=Draw(classes=(8,), size=20)))
    controller.start()
    qtbot.waitUntil(lambda: controller.state.scored is not None, timeout=WAIT_MS)
    controller.pins.pin_screen()
    controller.set_sparsity(0.5)
    controller.pins.rename(controller.pins.pin_screen().number, "half")
    return controller


def restored(qtbot, controller, file):
    controller.kept_pins.keep_in(file)
    controller.start()
    qtbot.waitUntil(lambda: len(controller.pins.pins) == 2, timeout=WAIT_MS)
    return controller.pins.pins


def test_the_next_session_has_the_same_masks_and_names(pinned, make_controller, qtbot, tmp_path):
    before = pinned.pins.pins
    pinned.kept_pins.save(tmp_path / "pins.json")
    pins = restored(qtbot, make_controller(Recipe()), tmp_path / "pins.json")
    for one, other in zip(before, pins, strict=True):
        assert one.name == other.name
        for name, mask in one.mask.packed.items():
            assert (mask == other.mask.packed[name]).all()


def test_every_change_is_written(pinned, tmp_path):
    file = tmp_path / "pins.json"
    pinned.kept_pins.keep_in(file)
    pinned.pins.remove(pinned.pins.pins[0].number)
    assert pinned.kept_pins.finish()
    assert [pin.name for pin in decode_pins(file.read_bytes())] == ["half"]


def test_pins_of_a_data_set_that_is_not_open_stay_in_the_file(make_controller, qtbot, tmp_path):
    file = tmp_path / "pins.json"
    recipe = Recipe()
    mnist = KeptPin(type(recipe)(data=type(recipe.data)(name="mnist")), 100, "mine")
    file.write_text(encode_pins([mnist]))
    controller = make_controller(recipe)
    controller.kept_pins.keep_in(file)
    controller.start()
    qtbot.waitUntil(lambda: controller.state.scored is not None, timeout=WAIT_MS)
    controller.pins.pin_screen()
    assert controller.kept_pins.finish()
    assert "mine" in [pin.name for pin in decode_pins(file.read_bytes())]


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"format": 2, "pins": []}', '{"format": 1, "pins": [3]}',
     '{"format": 1, "pins": [{"num_kept": 5, "recipe": {"nope": 1}}]}',
     '{"format": 1, "pins": [{"num_kept": "x", "recipe": {}}]}'],
)  # fmt: skip
def test_a_file_of_anything_else_is_reported(make_controller, tmp_path, text):
    controller = make_controller(Recipe())
    file = tmp_path / "pins.json"
    file.write_text(text)
    controller.kept_pins.open(file)
    assert controller.state.status.problem is not None
    controller.kept_pins.keep_in(file)
    assert not controller.kept_pins.all
