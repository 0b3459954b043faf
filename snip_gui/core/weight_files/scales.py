"""Weights stored as 8-bit integers, with a scale for each output channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor


def free_key(name: str, taken: Collection[str]) -> str:
    """Return the key of a weight's scales, distinct from those of other tensors."""
    key = f"{name}_scale"
    while key in taken:
        key += "_"
    return key


def widened(tensors: Mapping[str, Tensor], scales: Mapping[str, str]) -> dict[str, Tensor]:
    """Return tensors with codes multiplied by their scales, and without the scales.

    Parameters
    ----------
    scales
        Keys of scales by the name of their weight.

    Raises
    ------
    ValueError
        If a weight or its scales are missing, or do not fit each other.
    """
    keys = set(scales.values())
    found = {name: tensor for name, tensor in tensors.items() if name not in keys}
    for name, key in scales.items():
        codes, scale = tensors.get(name), tensors.get(key)
        if codes is None or scale is None or codes.dtype != torch.int8:
            raise ValueError(f"“{name}” lacks its 8-bit integers or their scales")
        if codes.dim() < 1 or scale.shape != codes.shape[:1]:
            raise ValueError(f"the scales of “{name}” do not fit its shape")
        found[name] = codes.float() * scale.float().reshape(-1, *[1] * (codes.dim() - 1))
    return found
