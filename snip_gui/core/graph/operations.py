"""Lists of operations by their effect on the slots of a tensor.

A *slot* is an index along axis 1: a unit, a channel or a pixel. The operations listed here treat
every slot separately; those of the first lists also map zero to zero.
"""

from __future__ import annotations

import operator

import torch
from torch import nn
from torch.nn import functional

from snip_gui.core.graph.layers import ConvSame

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, ConvSame)
JOINS = (nn.Linear, *CONVOLUTIONS)
"""Layers that connect inputs to outputs."""

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

# torch's gradient of these is zero at zero, so a zero before them stays zero in training.
RELU_MODULES = (nn.ReLU, nn.ReLU6)
RELU_FUNCTIONS = (torch.relu, functional.relu, functional.relu6)
RELU_METHODS = ("relu",)

ZERO_KEEPING_MODULES = (
    *RELU_MODULES,
    *(nn.LeakyReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.CELU, nn.Mish),
    *(nn.Hardswish, nn.Softsign, nn.Identity),
    *(nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d),
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.ZeroPad2d),
)
ZERO_KEEPING_FUNCTIONS = (
    *RELU_FUNCTIONS,
    *(functional.leaky_relu, torch.tanh, functional.tanh, functional.gelu, functional.silu),
    *(functional.elu, functional.selu, functional.hardswish, functional.mish, torch.abs),
    *(functional.dropout, functional.dropout2d, functional.max_pool2d, torch.max_pool2d),
    *(functional.avg_pool2d, functional.adaptive_avg_pool2d, functional.adaptive_max_pool2d),
)
ZERO_KEEPING_METHODS = (*RELU_METHODS, "tanh", "abs", "contiguous", "clone")

OTHER_MODULES = (nn.Sigmoid, nn.Softplus, nn.Hardsigmoid)
OTHER_FUNCTIONS = (torch.sigmoid, functional.sigmoid, functional.softplus)
OTHER_METHODS = ("sigmoid", "exp")

SUMS = (operator.add, operator.iadd, torch.add, operator.sub, torch.sub)
"""Of two tensors; with a number they do not map zero to zero."""

PRODUCTS = (operator.mul, operator.imul, torch.mul)

FLATTENS = (torch.flatten,)
MEANS = (torch.mean, torch.sum, "mean", "sum")
CONCATENATIONS = (torch.cat, torch.concat, torch.concatenate)
PADS = (functional.pad,)
