"""Resizes images for a network that does not accept their own shape.

Shapes: B images, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


def fit_images(images_BCHW: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Return images resized to a shape (C, H, W), with a single channel repeated.

    Interpolation is bilinear, with antialiasing when downscaling.
    """
    if images_BCHW.shape[1] != shape[0]:
        images_BCHW = images_BCHW.expand(-1, shape[0], -1, -1)
    if images_BCHW.shape[2:] != shape[1:]:
        images_BCHW = functional.interpolate(
            images_BCHW, shape[1:], mode="bilinear", align_corners=False, antialias=True
        )
    return images_BCHW
