"""Loads a checkpoint of compressed sparse rows; needs only torch and safetensors."""

from pathlib import Path

import torch
from safetensors import safe_open


def load_rows(path: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Return the sparse matrices by name, and the dense tensors.

    The matrix of a convolution is out x (in * kernel height * kernel width).
    """
    with safe_open(path, framework="pt") as file:
        stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
    ends = [key.removesuffix(".crow_indices") for key in stored if key.endswith(".crow_indices")]
    names = [name for name in ends if f"{name}.col_indices" in stored]
    matrices = {
        name: torch.sparse_csr_tensor(
            stored.pop(f"{name}.crow_indices"),
            stored.pop(f"{name}.col_indices"),
            stored.pop(f"{name}.values"),
            tuple(stored.pop(f"{name}.size").tolist()),
        )
        for name in names
    }
    return matrices, stored
