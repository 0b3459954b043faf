"""Source of networks as users might bring them, good and bad."""

from __future__ import annotations

GOOD = '''
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self, image_shape, num_classes, width=6):
        super().__init__()
        channels, rows, columns = image_shape
        self.hidden = nn.Linear(channels * rows * columns, width)
        self.out = nn.Linear(width, num_classes)

    def forward(self, images):
        return self.out(torch.relu(self.hidden(images.flatten(1))))


def frozen(image_shape, num_classes):
    model = Small(image_shape, num_classes)
    model.hidden.bias.requires_grad_(False)
    return model


def half(image_shape, num_classes):
    return Small(image_shape, num_classes).half()


class Tied(nn.Module):
    """Two layers that share a weight."""

    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.into = nn.Conv2d(image_shape[0], 4, 3, padding=1)
        self.one = nn.Conv2d(4, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 3, padding=1)
        self.two.weight = self.one.weight
        self.out = nn.Linear(4, num_classes)

    def forward(self, images):
        maps = self.two(torch.tanh(self.one(torch.tanh(self.into(images)))))
        return self.out(maps.mean((2, 3)))


def ten():
    return Small((1, 28, 28), 10)
'''

BAD = """
import os
import sys
import time

from torch import nn

from snip_gui.core.models.paper.lenet import LeNet300100


def wants(image_shape, depth):
    return LeNet300100(image_shape, 10)


def raises(num_classes):
    raise RuntimeError("no such luck")


def number():
    return 7


def for_colour(num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, num_classes))


def five(image_shape):
    return LeNet300100(image_shape, 5)


def nothing_to_prune():
    return nn.Sequential(nn.Flatten(), nn.LayerNorm(784), nn.Unflatten(1, (10, 78)))


def norm_only(image_shape):
    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.LayerNorm(10)

        def forward(self, images):
            return self.norm(images.flatten(1)[:, :10])

    return Norm()


class Pair(LeNet300100):
    def forward(self, images):
        return super().forward(images), images


class Loops(LeNet300100):
    def forward(self, images):
        while True:
            time.sleep(0.01)


def dies():
    sys.stderr.write("the last words\\n")
    sys.stderr.flush()
    os._exit(3)


def leaves():
    sys.exit(4)


class aux_in_training(LeNet300100):
    def forward(self, images):
        scores = super().forward(images)
        return (scores, images) if self.training else scores


class squeezes(LeNet300100):
    def forward(self, images):
        return super().forward(images.squeeze(1).squeeze(0).unsqueeze(1))


class detaches(LeNet300100):
    def forward(self, images):
        return super().forward(images).detach()


class overwrites(LeNet300100):
    def forward(self, images):
        scores = super().forward(images)
        hidden = scores.exp()
        scores = hidden * 2
        hidden.zero_()
        return scores


class whole_numbers(LeNet300100):
    def forward(self, images):
        return super().forward(images).long()


class softmaxes(LeNet300100):
    def forward(self, images):
        return super().forward(images).softmax(1)


class log_softmaxes(LeNet300100):
    def forward(self, images):
        return super().forward(images).log_softmax(1)
"""
