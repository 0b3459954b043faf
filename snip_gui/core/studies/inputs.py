"""What items of work start from: the images of a recipe, on this machine. No torch until read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from snip_gui.core.base.events import Event, Progress
from snip_gui.core.base.machine.optional_packages import import_torch
from snip_gui.core.engine.images import keep_images

if TYPE_CHECKING:
    from collections.abc import Generator

    from snip_gui.core.base.cancel import CancelToken
    from snip_gui.core.base.environment import Environment
    from snip_gui.core.data.images.image_set import ImageSet
    from snip_gui.core.recipe.recipe import DataChoice

_NUM_DIGITS = 24


@dataclass(frozen=True, eq=False)
class Inputs:
    """The images, and where they are used.

    Attributes
    ----------
    environment
        That of one worker: its GPU, if there are several.
    place
        What a result depends on beside its recipe: images, version of torch, device and threads.
    """

    images: ImageSet
    environment: Environment
    place: tuple[object, ...]

    def digest(self, *parts: object) -> str:
        """Return the name of the file that keeps a result, which also depends on ``parts``."""
        return hashlib.sha256(repr((*parts, *self.place)).encode()).hexdigest()[:_NUM_DIGITS]


def read_inputs(
    data: DataChoice, environment: Environment, share: int, cancel: CancelToken
) -> Generator[Event, None, Inputs]:
    """Read the images of a recipe, unless this process has read them before.

    Raises
    ------
    UserError
        If they cannot be read.
    Cancelled
        If cancelled meanwhile.
    """
    cancel.raise_if_cancelled()
    yield Progress("Loading torch")
    import_torch()
    from snip_gui.core.base.machine.devices import resolve_device, share_device, versions
    from snip_gui.core.data.sets.loading import read_images, read_options_for

    own = share_device(environment, share)
    images = keep_images(data, own)
    if images is None:
        options = read_options_for(data, own)
        images = yield from read_images(data.name, own.data_folder, cancel, options)
    device = resolve_device(own.device).type
    return Inputs(images, own, (images.digest, versions()["torch"], device, own.num_threads))
