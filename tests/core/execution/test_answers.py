"""Networks answer to single images as they do to the test images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.base.events import run_to_end
from snip_gui.core.data.minibatch.hand_drawn import to_digit
from snip_gui.core.execution.answers import Answered, RunSource, ScoredSource, answer_steps
from snip_gui.core.execution.mistakes import find_mistakes
from snip_gui.core.methods.scoring import prune
from snip_gui.core.recipe.methods import Snip
from snip_gui.core.recipe.recipe import Draw, Recipe, Training


def ask(sources, image_CHW, environment, images, loaded=()):
    steps = answer_steps(sources, image_CHW, environment, images, loaded, CancelToken())
    *_, event = steps
    assert isinstance(event, Answered)
    return event


def test_a_run_answers_to_test_images_as_its_evaluation_does(finished, environment, digits):
    folder, _ = finished
    *_, event = find_mistakes(folder, "test", environment, digits, CancelToken())
    mistakes, loaded = event.mistakes, ()
    wrong = set(mistakes.indices_P.tolist())
    taken_for = dict(zip(mistakes.indices_P.tolist(), mistakes.taken_for_P.tolist(), strict=True))
    assert wrong
    for index in (*list(wrong)[:5], *range(20)):
        image_CHW = digits.test_images.read([index])[0]
        done = ask([RunSource("pruned", folder)], image_CHW, environment, digits, loaded)
        loaded = done.loaded
        expected = taken_for.get(index, int(digits.test_labels_N[index]))
        assert int(done.answers[0].probability_K.argmax()) == expected
        assert done.answers[0].probability_K.sum() == pytest.approx(1, abs=1e-5)
        assert done.answers[0].best == digits.classes[expected]


def test_test_images_drawn_on_the_canvas_get_the_same_answer(work, environment, digits, tmp_path):
    # Long enough that the network is sure of its answers.
    work(Recipe(training=Training(epochs=4), pruning=Snip()), tmp_path / "run")
    source, loaded, same = [RunSource("pruned", tmp_path / "run")], (), []
    for image_CHW in digits.test_images.read(np.arange(100)):
        canvas = Image.fromarray(image_CHW[0]).resize((280, 280), Image.Resampling.NEAREST)
        drawn_CHW = to_digit(np.asarray(canvas), digits.image_shape, digits.name)
        best = []
        for asked_CHW in (image_CHW, drawn_CHW):
            done = ask(source, asked_CHW, environment, digits, loaded)
            loaded = done.loaded
            best.append(done.answers[0].best)
        same.append(best[0] == best[1])
    assert np.mean(same) >= 0.9


def test_networks_are_read_again_only_once_their_checkpoint_changes(
    work, environment, digits, tmp_path
):
    recipe = Recipe(minibatch=Draw(size=20))
    work(recipe, tmp_path / "run", stop_after="prune")
    source, image_CHW = [RunSource("pruned", tmp_path / "run")], digits.test_images.read([0])[0]
    first = ask(source, image_CHW, environment, digits)
    again = ask(source, image_CHW, environment, digits, first.loaded)
    assert again.loaded[0] is first.loaded[0]
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError):
        ask(source, image_CHW, environment, digits, first.loaded)


def test_a_scored_network_answers_with_the_mask(make_bench, environment, digits):
    scored = run_to_end(prune(make_bench(), CancelToken()))
    image_CHW = digits.test_images.read([3])[0]
    total = scored.layout.num_parameters
    sources = [ScoredSource("pruned", scored, 500), ScoredSource("dense", scored, total)]
    pruned, dense = ask(sources, image_CHW, environment, digits).answers
    bench = make_bench()
    inputs = bench.batches("test", np.array([3])).batch(slice(None))[0]
    with torch.no_grad():
        bench.model.eval()
        expected = bench.model(inputs).softmax(1)[0].numpy()
        np.testing.assert_allclose(dense.probability_K, expected, atol=1e-6)
        for name, parameter in bench.prunable.items():
            parameter.mul_(torch.from_numpy(scored.masks.mask_at(500)[name]))
        expected = bench.model(inputs).softmax(1)[0].numpy()
    np.testing.assert_allclose(pruned.probability_K, expected, atol=1e-6)
    assert not np.allclose(pruned.probability_K, dense.probability_K)


def test_images_with_other_channels_are_refused(finished, environment, digits):
    colour_CHW = np.zeros((3, 28, 28), np.uint8)
    with pytest.raises(UserError, match="takes images with 1 channel, not 3 channels"):
        ask([RunSource("The network", finished[0])], colour_CHW, environment, digits)
