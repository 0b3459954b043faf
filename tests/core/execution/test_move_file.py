"""The moves of a mask in a run folder: complete, resumable, and never in the way of a run."""

from __future__ import annotations

import errno
from pathlib import Path

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file

from snip_gui.core.base.events import Note
from snip_gui.core.execution import book, move_file
from snip_gui.core.execution.move_file import MoveFile, read_moves
from snip_gui.core.execution.resume import resume
from snip_gui.core.graph.parameters import prunable_parameters
from snip_gui.core.models.paper.lenet import LeNet300100
from snip_gui.core.recipe.methods import LearningCompression, Surgery
from snip_gui.core.recipe.recipe import Recipe, Training
from snip_gui.core.runs import folder as files
from snip_gui.core.runs.folder import MOVES, read_summary
from snip_gui.core.training.events import MaskMoved
from snip_gui.core.training.mask_moves import pack_masks, packed_size, unpack_masks
from tests.core.execution.folders import STEPS_PER_EPOCH, cancelling_at

LAYOUT = prunable_parameters(LeNet300100((1, 28, 28), 10)).layout
SIZE = packed_size(LAYOUT)
SURGERY = Recipe(
    training=Training(epochs=1, learning_rate=0.05),
    pruning=Surgery(c_rate=(1.0,), surgery_epochs=2, splice_steps=20, gamma=0.01),
)
COMPRESSION = msgspec.structs.replace(
    SURGERY,
    pruning=LearningCompression(
        sparsity=0.9, l_steps=2, mu=0.01, mu_growth=3.0, prunable="weights-and-biases"
    ),
)


def packed_masks(folder):
    return pack_masks(load_file(folder / files.MASKS), LAYOUT)


def states(moves):
    return [(step, moves.mask_after(n).tobytes()) for n, step in enumerate(moves.steps)]


@pytest.mark.parametrize("recipe", [SURGERY, COMPRESSION], ids=["dns", "lc"])
def test_the_last_move_is_the_mask_of_the_result_and_each_is_an_event(recipe, work, tmp_path):
    events = []
    work(recipe, tmp_path / "run", on_event=events.append)
    moves = read_moves(tmp_path / "run", SIZE)
    assert len(moves.steps) > 2
    assert moves.steps == tuple(e.step for e in events if isinstance(e, MaskMoved))
    np.testing.assert_array_equal(moves.mask_after(-1), packed_masks(tmp_path / "run"))
    first = unpack_masks(moves.mask_after(0), LAYOUT)
    assert all(mask.all() for mask in first.values())  # dense at first


def test_a_static_mask_has_no_moves(work, tmp_path):
    work(Recipe(training=Training(epochs=1)), tmp_path / "run")
    assert not (tmp_path / "run" / MOVES).exists()
    assert read_moves(tmp_path / "run", SIZE).steps == ()


def test_a_resumed_run_has_the_moves_of_one_that_was_not_stopped(work, environment, tmp_path):
    work(SURGERY, tmp_path / "whole")
    cancel, listen = cancelling_at(STEPS_PER_EPOCH + 5)
    work(SURGERY, tmp_path / "run", cancel=cancel, on_event=listen)
    assert read_summary(tmp_path / "run").state == "stopped"
    resume(tmp_path / "run", environment, lambda _event: None, type(cancel)())
    whole, resumed = (read_moves(tmp_path / name, SIZE) for name in ("whole", "run"))
    assert states(resumed) == states(whole)


def test_moves_after_the_checkpoint_are_dropped(work, tmp_path):
    work(SURGERY, tmp_path / "run")
    step = read_moves(tmp_path / "run", SIZE).steps[2]
    file = MoveFile(tmp_path / "run", SIZE, step)
    assert file.add(step + 1, np.zeros(SIZE, np.uint8)) == (True, "")
    assert read_moves(tmp_path / "run", SIZE).steps[2:] == (step, step + 1)


OPEN = Path.open


def refusing(path, *arguments, **keywords):
    """As `Path.open` on a disk without room for the file of moves."""
    if path.name == MOVES:
        raise OSError(errno.ENOSPC, "No space left on device")
    return OPEN(path, *arguments, **keywords)


def test_a_full_disk_does_not_end_the_run_and_is_said_once(work, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", refusing)
    events = []
    work(SURGERY, tmp_path / "run", on_event=events.append)
    assert read_summary(tmp_path / "run").state == "finished"
    (note,) = [e.text for e in events if isinstance(e, Note) and "moves of the mask" in e.text]
    assert "the run continues" in note
    assert len([e for e in events if isinstance(e, MaskMoved)]) > 2


def test_recording_continues_once_there_is_space(tmp_path, monkeypatch):
    file = MoveFile(tmp_path, SIZE, 0)
    masks = [np.full(SIZE, number, np.uint8) for number in range(3)]
    assert file.add(0, masks[0]) == (True, "")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refusing)
        assert "once there is space" in file.add(1, masks[1])[1]
        assert file.add(1, masks[1]) == (True, "")  # said once
    with (tmp_path / MOVES).open("ab") as opened:
        opened.write(b"what a failed write has left")
    assert file.add(2, masks[2]) == (True, "")
    moves = read_moves(tmp_path, SIZE)
    assert moves.steps == (0, 2)
    np.testing.assert_array_equal(moves.mask_after(-1), masks[2])


def test_the_file_ends_at_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(move_file, "MOST_BYTES", 10_000)
    file, rng = MoveFile(tmp_path, SIZE, 0), np.random.default_rng(0)
    warnings = [file.add(n, rng.integers(0, 256, SIZE, np.uint8))[1] for n in range(3)]
    assert [bool(text) for text in warnings] == [True, False, False]
    assert not (tmp_path / MOVES).exists()


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_what_comes_before_a_damage_can_be_used(work, tmp_path, damage):
    work(SURGERY, tmp_path / "run")
    path, whole = tmp_path / "run" / MOVES, read_moves(tmp_path / "run", SIZE)
    data = bytearray(path.read_bytes())
    if damage == "cut":
        del data[-3:]
    else:
        data[-20:] = bytes(20)
    path.write_bytes(data)
    found = read_moves(tmp_path / "run", SIZE)
    assert states(found) == states(whole)[:-1]
    assert book.MoveFile(tmp_path / "run", SIZE, 10_000).add(10_000, whole.mask_after(0))[0]
