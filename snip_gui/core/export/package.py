"""The input of an export: the pruned network of a run, and what is derived from it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from snip_gui.core.export.shrinking.shrunk_export import ShrunkExport, make_shrunk_export
from snip_gui.core.runs.network import RunNetwork, read_network

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from snip_gui.core.export.precision import ChangedError


@dataclass(frozen=True, eq=False)
class Package(RunNetwork):
    """A pruned network to export.

    Attributes
    ----------
    changed_errors
        Effect of the precision of each format on the test error, by name of the format, once
        measured.
    """

    changed_errors: dict[str, ChangedError] = field(default_factory=dict)

    @functools.cached_property
    def shrunk(self) -> ShrunkExport:
        """The equivalent smaller network; raises `UserError` if there is none."""
        return make_shrunk_export(self.network, self.images_BCHW)


def package_run(folder: Path, trusted: Collection[str] = ()) -> Package:
    """Read the package of a run; raises `UserError` as `read_network` does."""
    network = read_network(folder, trusted)
    return Package(**{part.name: getattr(network, part.name) for part in fields(network)})
