from __future__ import annotations

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.environment import Environment
from snip_gui.core.base.errors import ImagesLostError, UserError
from snip_gui.core.base.tensors import load_tensors
from snip_gui.core.data.images.decoders import Decoders
from snip_gui.core.data.images.resident import ResidentImages
from snip_gui.core.data.images.streaming import StreamedImages
from snip_gui.core.data.sets.loading import load_images
from snip_gui.core.data.sets.read_options import ReadOptions
from snip_gui.core.execution.run import run_steps
from snip_gui.core.recipe.recipe import DataChoice, Draw, Recipe, Training
from snip_gui.core.runs.events import RunDone
from snip_gui.core.runs.folder import CHECKPOINT, MASKS, read_metrics, read_summary
from snip_gui.core.training.events import PointsMeasured

CPU = torch.device("cpu")
NUMBER = 45  # more than one task of the decoders


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for part, number in (("train", NUMBER), ("test", 6)):
        for name in ("a", "b"):
            (root / part / name).mkdir(parents=True)
            for index in range(number):
                pixels = generator.integers(0, 256, (20, 20, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / name / f"{index}.png")
    return root


@pytest.fixture
def no_process_left():
    before = set(multiprocessing.active_children())
    yield
    assert set(multiprocessing.active_children()) == before


@pytest.fixture(scope="module")
def both(folder):
    """The training images, resident and streamed."""
    here, there = (load_images("folder", folder, ReadOptions(memory_bytes=m)) for m in (None, 0))
    decoders = Decoders(2)
    everything = np.arange(2 * NUMBER)
    shared = here.mean_C, here.deviation_C, CPU
    resident = ResidentImages(here.train_images.read(everything), here.train_labels_N, *shared)
    streamed = StreamedImages(
        there.train_images, there.train_labels_N, everything, *shared, decoders
    )
    yield resident, streamed
    streamed.close()


@pytest.mark.parametrize("batch_size", [7, 40, 79, 90])
@pytest.mark.parametrize("first_batch", [0, 1])
@pytest.mark.parametrize("join_single", [False, True])
def test_batches_are_those_of_memory_bit_for_bit(both, batch_size, first_batch, join_single):
    order_N = torch.randperm(2 * NUMBER, generator=torch.Generator().manual_seed(3))
    for order in (None, order_N):
        resident, streamed = (
            list(images.batches(order, batch_size, first_batch, join_single=join_single))
            for images in both
        )
        assert len(resident) == len(streamed)
        for here, there in zip(resident, streamed, strict=True):
            assert torch.equal(here[0], there[0])
            assert torch.equal(here[1], there[1])


@pytest.mark.parametrize("indices", [slice(3, 9), torch.tensor([80, 2])])
def test_one_batch_is_that_of_memory(both, indices):
    resident, streamed = (images.batch(indices) for images in both)
    assert torch.equal(resident[0], streamed[0])
    assert torch.equal(resident[1], streamed[1])


def test_streaming_draws_no_random_number(both):
    before = torch.get_rng_state()
    next(both[1].batches(None, 10))
    assert torch.equal(before, torch.get_rng_state())


def test_processes_end_when_they_are_asked_to_and_start_again(both):
    streamed = both[1]
    streamed.close()
    before = multiprocessing.active_children()
    half_read = streamed.batches(None, 5)
    next(half_read)
    assert len(multiprocessing.active_children()) > len(before)
    half_read.close()
    streamed.close()
    assert multiprocessing.active_children() == before
    assert len(list(streamed.batches(None, 50))) == 2


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_an_interrupt_from_the_terminal_is_not_for_the_processes(both):
    streamed = both[1]
    before = set(multiprocessing.active_children())
    batches = streamed.batches(None, 5)
    next(batches)
    for process in set(multiprocessing.active_children()) - before:
        os.kill(process.pid, signal.SIGINT)
    assert len(list(batches)) == 2 * NUMBER // 5 - 1


def test_a_process_that_is_killed_is_reported(both):
    streamed = both[1]
    streamed.close()
    before = set(multiprocessing.active_children())
    batches = streamed.batches(None, 5)
    next(batches)
    for process in set(multiprocessing.active_children()) - before:
        process.kill()
    with pytest.raises(ImagesLostError, match="ended unexpectedly"):
        list(streamed.batches(None, 5))
    assert len(list(streamed.batches(None, 5))) == 2 * NUMBER // 5


def run_folder(recipe, data, out, memory_bytes, cancel=None):
    """Train a recipe into a folder and return its events."""
    environment = Environment(
        device="cpu", num_threads=1, data_folder=data, image_memory_bytes=memory_bytes
    )
    cancel = cancel or CancelToken()
    yield from run_steps(recipe, out, environment, cancel)


RECIPE = Recipe(
    data=DataChoice(name="folder"),
    minibatch=Draw(size=20),
    training=Training(epochs=2, batch_size=16, learning_rate=0.01),
)


def test_a_streamed_training_is_that_of_memory_bit_for_bit(folder, tmp_path, no_process_left):
    for name, memory_bytes in (("memory", None), ("disk", 0)):
        list(run_folder(RECIPE, folder, tmp_path / name, memory_bytes))
    for file in (MASKS, CHECKPOINT):
        here, there = (load_tensors(tmp_path / name / file)[0] for name in ("memory", "disk"))
        assert all(torch.equal(here[key], there[key]) for key in here)
    here, there = (read_metrics(tmp_path / name) for name in ("memory", "disk"))
    assert [(p.split, p.loss) for p in here] == [(p.split, p.loss) for p in there]


def test_no_process_is_left_when_a_streamed_training_is_cancelled(
    folder, tmp_path, no_process_left
):
    cancel = CancelToken()
    for event in run_folder(RECIPE, folder, tmp_path / "run", 0, cancel):
        if isinstance(event, PointsMeasured):
            cancel.cancel()
    assert isinstance(event, RunDone)
    assert event.summary.state == "stopped"


def test_a_file_that_goes_in_the_middle_of_a_training_keeps_the_run(
    folder, tmp_path, no_process_left
):
    images = load_images("folder", folder, ReadOptions(memory_bytes=0))
    steps = run_steps(
        RECIPE, tmp_path / "run", Environment(device="cpu", num_threads=1), CancelToken(),
        images=images,
    )  # fmt: skip
    gone = folder / "test" / "b" / "0.png"
    content = gone.read_bytes()
    next(event for event in steps if isinstance(event, PointsMeasured))
    gone.unlink()
    try:
        with pytest.raises(UserError, match=r"0\.png” can no longer be read: it no longer exists"):
            list(steps)
    finally:
        gone.write_bytes(content)
    assert read_summary(tmp_path / "run").state == "stopped"
    assert (tmp_path / "run" / CHECKPOINT).exists()


def test_decoders_run_nothing_of_the_current_folder(folder, tmp_path, monkeypatch):
    """It may be a stranger's, with a file named as a module of Python's."""
    for name in ("signal", "numpy", "struct"):
        (tmp_path / f"{name}.py").write_text(f"open('ran-{name}', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    store = load_images("folder", folder, ReadOptions(memory_bytes=0)).train_images
    decoders = Decoders(1)
    try:
        assert len(next(decoders.decode([store.paths[:3]], store))) == 3
    finally:
        decoders.close()
    assert not list(tmp_path.glob("ran-*"))
    assert "PYTHONSAFEPATH" not in os.environ
