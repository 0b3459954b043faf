"""Animations have a frame for each sparsity, which shows that mask."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from PIL import Image, ImageSequence

from snip_gui.core.base import files
from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import Cancelled, DiskFullError
from snip_gui.core.base.events import Progress
from snip_gui.core.pruning.edits.edited import edit_ranking
from snip_gui.core.reports.animation import AnimatedView, AnimationSaved, animation_steps
from tests.core.masks import LENET, layout_named, scored_of, scored_with

SPARSITIES = (0.0, 0.5, 0.9, 0.99)
KEPT, REMOVED = (255, 0, 0), (0, 0, 255)


@pytest.fixture(scope="module")
def scored():
    layout = layout_named(LENET)
    score_M = np.random.default_rng(0).random(layout.num_parameters, np.float32)
    return scored_of(score_M, layout)


def saved(scored, view, path, sparsities=SPARSITIES):
    events = list(animation_steps(scored, view, sparsities, path, CancelToken()))
    assert isinstance(events[-1], AnimationSaved)
    assert [e.done for e in events if isinstance(e, Progress)] == list(range(len(sparsities) + 1))
    with Image.open(path) as image:
        frames = [np.asarray(f.convert("RGB")).astype(int) for f in ImageSequence.Iterator(image)]
        return frames, image.info


@pytest.mark.parametrize("ending", [".gif", ".png"])
@pytest.mark.parametrize("tensor", ["", "fc3.weight"])
def test_each_sparsity_is_a_frame_and_it_repeats(scored, tmp_path, ending, tensor):
    view = AnimatedView(tensor=tensor, kept=KEPT, removed=REMOVED)
    frames, info = saved(scored, view, tmp_path / f"x{ending}")
    assert len(frames) == len(SPARSITIES)
    assert info["loop"] == 0
    assert len({frame.tobytes() for frame in frames}) == len(SPARSITIES)


def test_a_frame_shows_the_mask_at_its_sparsity(scored, tmp_path):
    view = AnimatedView(tensor="fc3.weight", kept=KEPT, removed=REMOVED, paper=(0, 255, 0))
    frames, _ = saved(scored, view, tmp_path / "x.png")
    side = 448 // 100  # pixels of each connection
    for frame, sparsity in zip(frames, SPARSITIES, strict=True):
        number = scored.num_kept_at(sparsity)
        mask = scored.masks.get_mask(scored.layout["fc3.weight"], number)
        left = 20 + (448 - 100 * side) // 2
        cut = frame[44 : 44 + 10 * side : side, left : left + 100 * side : side]
        assert np.array_equal((cut == KEPT).all(axis=2), mask)
        assert np.array_equal((cut == REMOVED).all(axis=2), ~mask)


def test_an_edited_mask_is_shown_as_edited(scored, tmp_path):
    state_M = np.zeros(scored.layout.num_parameters, np.uint8)
    tensor = scored.layout["fc3.weight"]
    state_M[tensor.offset : tensor.end] = 1
    edited = scored_with(edit_ranking(scored.ranking, state_M))
    view = AnimatedView(tensor="fc3.weight", kept=KEPT, removed=REMOVED)
    frames, _ = saved(edited, view, tmp_path / "x.png")
    # Kept at every sparsity, so that the picture is the same in all frames.
    assert len({frame[44:84].tobytes() for frame in frames}) == 1


def test_a_cancelled_animation_leaves_no_file(scored, tmp_path):
    cancel = CancelToken()
    steps = animation_steps(scored, AnimatedView(), SPARSITIES, tmp_path / "x.gif", cancel)
    next(steps)
    cancel.cancel()
    with pytest.raises(Cancelled):
        list(steps)
    assert not list(tmp_path.iterdir())


def test_cancelling_while_it_is_encoded_leaves_the_old_file(scored, tmp_path):
    path, cancel = tmp_path / "x.gif", CancelToken()
    path.write_bytes(b"old")
    steps = animation_steps(scored, AnimatedView(), SPARSITIES, path, cancel)
    for event in steps:
        if isinstance(event, Progress) and event.text.startswith("Writing"):
            cancel.cancel()
            break
    with pytest.raises(Cancelled):
        list(steps)
    assert path.read_bytes() == b"old"


def test_a_full_disk_is_a_sentence_and_leaves_the_old_file(scored, tmp_path, monkeypatch):
    path = tmp_path / "x.gif"
    path.write_bytes(b"old")

    def full(self, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(DiskFullError, match="No space left"):
        list(animation_steps(scored, AnimatedView(), SPARSITIES, path, CancelToken()))
    assert path.read_bytes() == b"old"
