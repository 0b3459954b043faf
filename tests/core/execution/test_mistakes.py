from __future__ import annotations

import numpy as np
import pytest
import torch

from snip_gui.core.base.cancel import CancelToken
from snip_gui.core.base.errors import UserError
from snip_gui.core.execution import mistakes as module
from snip_gui.core.execution.mistakes import Confusion, MistakesFound, find_mistakes
from snip_gui.core.execution.run import run
from snip_gui.core.export.package import package_run
from snip_gui.core.recipe.recipe import DataChoice, Recipe, Training
from snip_gui.core.runs.folder import read_summary

RECIPE = Recipe(training=Training(epochs=2))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, environment):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs") / "run"
    run(RECIPE, folder, environment, lambda _event: None, CancelToken())
    return folder


def found(folder, split, environment, images=None):
    *_, last = find_mistakes(folder, split, environment, images, CancelToken())
    assert isinstance(last, MistakesFound)
    return last.mistakes


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_counts_are_those_of_the_run(trained, environment, digits, split):
    mistakes = found(trained, split, environment, digits)
    final = read_summary(trained).final[split]
    confusion = mistakes.confusion
    assert confusion.num_wrong / confusion.num_images == pytest.approx(1 - final.accuracy)
    assert mistakes.step == read_summary(trained).step
    labels = digits.test_labels_N if split == "test" else digits.train_labels_N
    if split == "test":
        per_class = np.bincount(confusion.true_C, confusion.counts_C)
        assert per_class.tolist() == np.bincount(labels).tolist()
    assert len(mistakes.indices_P) == confusion.num_wrong
    np.testing.assert_array_equal(labels[mistakes.indices_P], mistakes.labels_P)
    assert (mistakes.labels_P != mistakes.taken_for_P).all()
    assert (np.diff(mistakes.losses_P) <= 0).all()
    store = digits.test_images if split == "test" else digits.train_images
    for index, picture in zip(mistakes.indices_P, mistakes.pictures_PCHW, strict=True):
        np.testing.assert_array_equal(store.read(np.array([index]))[0], picture)


def test_each_is_what_the_network_says_of_it(trained, environment):
    mistakes = found(trained, "train", environment)  # the images are read again
    network = package_run(trained).network
    summary = read_summary(trained)
    pixels = torch.from_numpy(mistakes.pictures_PCHW.copy()).float() / 255
    inputs = (pixels - summary.mean[0]) / summary.deviation[0]
    with torch.no_grad():
        scores = network(inputs)
    assert scores.argmax(1).tolist() == mistakes.taken_for_P.tolist()
    labels = torch.from_numpy(mistakes.labels_P.copy())
    losses = torch.nn.functional.cross_entropy(scores, labels, reduction="none")
    np.testing.assert_allclose(losses.numpy(), mistakes.losses_P, rtol=1e-3, atol=1e-5)


def test_the_worst_of_many_are_kept(trained, environment, digits, monkeypatch):
    whole = found(trained, "train", environment, digits)
    monkeypatch.setattr(module, "MOST_SHOWN", 5)
    few = found(trained, "train", environment, digits)
    np.testing.assert_array_equal(few.indices_P, whole.indices_P[:5])
    assert few.confusion.num_wrong == whole.confusion.num_wrong > 5


def test_what_cannot_be_measured_is_refused(tmp_path, environment, digits):
    recipe = Recipe(data=DataChoice(validation_fraction=0), training=Training(epochs=1))
    run(recipe, tmp_path / "all", environment, lambda _event: None, CancelToken())
    with pytest.raises(UserError, match="There is no validation split"):
        found(tmp_path / "all", "validation", environment, digits)
    folder, token = tmp_path / "scored", CancelToken()
    run(recipe, folder, environment, lambda _event: None, token, stop_after="score")
    with pytest.raises(UserError, match="no mask"):
        found(folder, "test", environment, digits)


def test_only_pairs_that_occur_are_counted_however_many_classes_there_are():
    labels, predicted = np.array([2, 0, 2, 999_999]), np.array([2, 2, 2, 0])
    confusion = Confusion.of(labels, predicted, 1_000_000)
    assert confusion.true_C.tolist() == [0, 2, 999_999]
    assert confusion.predicted_C.tolist() == [2, 2, 0]
    assert confusion.counts_C.tolist() == [1, 2, 1]
    assert (confusion.num_images, confusion.num_wrong) == (4, 2)
