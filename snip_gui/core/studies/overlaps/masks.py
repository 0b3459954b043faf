"""Finding a mask as an item of work: score, prune, and keep the mask in a small file.

The file is named by the digest of everything that the mask depends on, so that a study that is
repeated, extended or resumed scores nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.errors import UserError
from snip_gui.core.comparing.packed import PackedMask
from snip_gui.core.recipe.stages import Stage, stage_keys
from snip_gui.core.studies.inputs import read_inputs

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.base.events import Event
    from snip_gui.core.recipe.recipe import Recipe

MASKS_FOLDER = ".masks"  # names that begin with a dot are not listed as runs


@dataclass(frozen=True, slots=True)
class Item:
    """A recipe of a study, and what it is called."""

    label: str
    recipe: Recipe


class MaskStudy:
    """Base of studies that are answered by the masks of recipes."""

    unit = "masks"

    @property
    def items(self) -> tuple[Item, ...]:
        """The recipes whose masks are needed."""
        raise NotImplementedError

    @property
    def num_works(self) -> int:
        """Number of masks."""
        return len(self.items)

    def make_works(self, runs_folder: Path, environment: Environment) -> tuple[MaskWork, ...]:
        """Return the masks to find."""
        return tuple(
            MaskWork(
                recipe=item.recipe,
                label=item.label,
                runs_folder=runs_folder,
                environment=environment,
            )
            for item in self.items
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskWork:
    """The mask of a recipe.

    Attributes
    ----------
    label
        The name shown to the user.
    """

    recipe: Recipe
    label: str
    runs_folder: Path
    environment: Environment

    @property
    def name(self) -> str:
        """The name shown to the user."""
        return self.label

    def is_done(self) -> bool:
        """Return False: what it depends on is known only once the images have been read."""
        return False

    def is_held(self) -> bool:
        """Return False: two programs that find the same mask write the same file."""
        return False

    def steps(self, cancel: CancelToken, share: int) -> Generator[Event, None, PackedMask]:
        """Find the mask, or read the one found before."""
        inputs = yield from read_inputs(self.recipe.data, self.environment, share, cancel)
        from snip_gui.core.comparing.comparison import Mask
        from snip_gui.core.comparing.packed import pack
        from snip_gui.core.methods.scoring import prune
        from snip_gui.core.pruning.workbench import build_steps

        name = inputs.digest(stage_keys(self.recipe)[Stage.PRUNE])
        path = self.runs_folder / MASKS_FOLDER / f"{name}.safetensors"
        if (known := _read(path)) is not None:
            return known
        bench = yield from build_steps(self.recipe, inputs.environment, inputs.images, cancel)
        scored = yield from prune(bench, cancel)
        mask = pack(Mask(scored, scored.num_kept_at(self.recipe.pruning.sparsity)))
        _write(path, mask)
        return mask


def _read(path: Path) -> PackedMask | None:
    """Read a mask; None if there is none, or it is damaged and has to be found again."""
    from snip_gui.core.base.tensors import load_tensors

    if not path.exists():
        return None
    try:
        tensors, metadata = load_tensors(path)
        sizes = {str(layer): int(size) for layer, size in metadata["sizes"]}
        return PackedMask(sizes, {layer: tensors[layer].numpy() for layer in sizes})
    except (UserError, KeyError, TypeError, ValueError):
        return None


def _write(path: Path, mask: PackedMask) -> None:
    from snip_gui.core.base.tensors import as_tensor, save_tensors

    tensors = {layer: as_tensor(packed) for layer, packed in mask.packed.items()}
    save_tensors(path, tensors, {"sizes": list(mask.sizes.items())})
