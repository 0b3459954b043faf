from __future__ import annotations

import numpy as np
import torch

from snip_gui.core.data.images.resident import ResidentImages

CPU = torch.device("cpu")


def test_training_images_are_standardised_over_the_whole_set(bench):
    inputs, labels = bench.batches("train").batch(slice(None))
    assert inputs.dtype == torch.float32
    assert abs(float(inputs.mean())) < 1e-5
    assert abs(float(inputs.std()) - 1) < 1e-4
    np.testing.assert_array_equal(labels.numpy(), bench.images.train_labels_N)


def test_each_channel_has_its_own_mean_and_deviation():
    images = np.random.default_rng(0).integers(0, 256, (6, 2, 3, 3)).astype(np.uint8)
    resident = ResidentImages(images, np.arange(6), (0.25, 0.5), (0.5, 2.0), CPU)
    inputs, labels = resident.batch(torch.tensor([4, 1]))
    expected = (images[[4, 1]] / 255 - np.array([0.25, 0.5])[:, None, None]) / np.array([0.5, 2.0])[
        :, None, None
    ]
    np.testing.assert_allclose(inputs.numpy(), expected, atol=1e-5)
    assert labels.tolist() == [4, 1]
    assert len(resident) == 6


def test_batches_do_not_spoil_the_images():
    images = np.full((2, 1, 2, 2), 200, np.uint8)
    resident = ResidentImages(images, np.arange(2), (0.1,), (0.3,), CPU)
    first, _ = resident.batch(slice(None))
    first.zero_()
    assert resident.batch(slice(None))[0].abs().min() > 0
    assert (images == 200).all()
