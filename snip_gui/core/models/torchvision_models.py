"""The classification networks of torchvision, by their names in its registry.

Shapes: C channels, H rows, W columns.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch
from torch import nn

from snip_gui.core.base.errors import UserError
from snip_gui.core.base.machine.optional_packages import import_torchvision

# Sizes to try in turn if a network refuses the images' own.
_SIZES = (32, 64, 96, 128, 160, 224, 256, 384, 512)


def names() -> tuple[str, ...]:
    """Return the names of all classification networks; raises `UserError` without torchvision."""
    models = _models()
    return tuple(models.list_models(module=models))


def build_torchvision(
    image_shape: tuple[int, int, int], num_classes: int, *, name: str
) -> nn.Module:
    """Return a network for images of a shape (C, H, W).

    The first convolution is adapted to the number of channels. Auxiliary classifiers (GoogLeNet,
    Inception) are left out.

    Raises
    ------
    UserError
        If there is no such network, or it does not accept such images.
    """
    models = _models()
    try:
        builder = models.get_model_builder(name)
    except ValueError as error:
        raise UserError(
            f"torchvision has no classification network called “{name}”.",
            "“snip-gui list models --all” prints those it has.",
            field="model.name",
        ) from error
    known = inspect.signature(builder).parameters
    options: dict[str, Any] = {"weights": None, "num_classes": num_classes}
    if name.startswith("vit_"):
        options["image_size"] = image_shape[1]
    if "input_size" in known or name.startswith("maxvit"):
        options["input_size"] = image_shape[1:]
    if name in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": True}
    model = cast("nn.Module", builder(**options))
    _take_channels(model, image_shape[0])
    return model


def published_parameters(name: str) -> int:
    """Return the number of parameters that torchvision publishes for ImageNet; 0 if it does not.

    Nothing is allocated, which counting them on the meta device would do for RegNet.
    """
    models = _models()
    try:
        weights = models.get_model_weights(name)
    except ValueError:
        return 0
    return max((int(one.meta.get("num_params", 0)) for one in weights), default=0)


def smallest_shape(
    image_shape: tuple[int, int, int], num_classes: int, name: str
) -> tuple[int, int, int]:
    """Return the smallest input shape that a network accepts: the images' own, or a larger square.

    Found by trial on torch's meta device, where only shapes are computed.

    Raises
    ------
    UserError
        If there is no such network, or it accepts none of the usual sizes.
    """
    channels, rows, columns = image_shape
    larger = [size for size in _SIZES if size >= max(rows, columns)]
    shapes = [image_shape, *((channels, size, size) for size in larger)]
    refused = ""
    for shape in shapes:
        try:
            shape_only(shape, num_classes, name)(torch.empty(2, *shape, device="meta"))
        except (RuntimeError, ValueError, AssertionError) as error:
            refused = str(error).partition("\n")[0]
        else:
            return shape
    raise UserError(
        f"“{name}” does not accept images of {rows}x{columns} pixels: {refused}",
        "Choose another network or data set.",
        field="model.name",
    )


def shape_only(shape: tuple[int, int, int], num_classes: int, name: str) -> nn.Module:
    """Return a network in evaluation mode on the meta device, with shapes but no values."""
    try:
        with torch.device("meta"):
            model = build_torchvision(shape, num_classes, name=name)
    except NotImplementedError:
        # RegNet computes its widths with tensors, which takes a real device.
        model = build_torchvision(shape, num_classes, name=name).to("meta")
    return model.eval()


def _take_channels(model: nn.Module, channels: int) -> None:
    """Replace the first convolution unless the images have three channels."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            if module.in_channels != channels:
                parent, _, last = name.rpartition(".")
                setattr(model.get_submodule(parent), last, _with_channels(module, channels))
            return


def _with_channels(conv: nn.Conv2d, channels: int) -> nn.Conv2d:
    """Return a new convolution like another, with another number of input channels."""
    return nn.Conv2d(
        channels,
        conv.out_channels,
        cast("tuple[int, int]", conv.kernel_size),
        cast("tuple[int, int]", conv.stride),
        cast("tuple[int, int] | str", conv.padding),
        cast("tuple[int, int]", conv.dilation),
        conv.groups,
        conv.bias is not None,
        conv.padding_mode,
    )


def _models() -> Any:  # noqa: ANN401 - torchvision has no types
    return import_torchvision("models", field="model.name")
