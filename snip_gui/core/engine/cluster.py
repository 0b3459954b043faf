"""A Dask cluster as the crew. Only this module imports `distributed`, an optional package.

Workers and this machine must share the runs folder. What runs on the cluster is sent pickled, so
scheduler and workers must be trusted; see `resources/docs/many-runs.md`.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.errors import UserError
from snip_gui.core.engine.crew import Hands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_SECONDS = 5
# Results may differ between these; of the others only if their major or minor versions differ.
_EXACT = ("snip-gui",)
_COMPARED = (*_EXACT, "torch", "numpy", "python")


@contextlib.contextmanager
def connected(address: str, folder: Path) -> Iterator[Hands]:
    """Connect to a scheduler for the time of the context.

    Parameters
    ----------
    folder
        A folder in the runs folder, which all workers must see.

    Raises
    ------
    UserError
        If `distributed` is not installed, no scheduler answers, it has no workers, or one of them
        cannot import this program, has versions with other results, or does not see the folder.
    """
    distributed = _import_distributed()
    try:
        client = distributed.Client(address, timeout=_TIMEOUT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise UserError(
            f"No Dask scheduler answers at “{address}”.",
            "Start one with “dask scheduler”, and give the address that it prints.",
        ) from error
    with client:
        seen = _ask(client, folder)
        notes = compare_versions({worker: versions for worker, (versions, _) in seen.items()})
        blind = [worker for worker, (_, is_visible) in seen.items() if not is_visible]
        if blind:
            raise UserError(
                f"The worker at {blind[0]} does not see the folder “{folder.parent}”.",
                "Choose a runs folder on a disk that this machine and all workers share.",
            )

        def lost() -> str:
            is_gone = client.status != "running"
            return f"The Dask scheduler at “{address}” is gone." if is_gone else ""

        yield Hands(client.get_executor(pure=False), len(seen), lost, notes)


def look_around(folder: str) -> tuple[dict[str, str], bool]:
    """Return the versions of this process, and whether it sees a folder; called in each worker."""
    from snip_gui.core.base.machine.devices import versions

    return versions(), Path(folder).is_dir()


def compare_versions(found: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Return a warning for each package whose version differs from the one here.

    Parameters
    ----------
    found
        Versions by package, by worker.

    Raises
    ------
    UserError
        If results would differ: another version of this program, or another minor version of torch.
    """
    from snip_gui.core.base.machine.devices import versions

    here, notes = versions(), []
    for worker, there in found.items():
        for package in _COMPARED:
            if there.get(package) == here[package]:
                continue
            text = (
                f"The worker at {worker} has {package} {there.get(package)}, and this machine "
                f"{here[package]}"
            )
            is_exact = package in _EXACT
            if is_exact or (
                package == "torch" and _minor(there.get(package, "")) != _minor(here[package])
            ):
                raise UserError(
                    f"{text}: results would differ.", "Install the same version everywhere."
                )
            notes.append(f"{text}; results may differ in the last digits.")
    return tuple(notes)


def _ask(client: Any, folder: Path) -> dict[str, tuple[dict[str, str], bool]]:  # noqa: ANN401 - optional package
    """Return what each worker says of itself."""
    try:
        seen: dict[str, tuple[dict[str, str], bool]] = client.run(look_around, str(folder))
    except ImportError as error:
        raise UserError(
            f"A worker of the cluster cannot import what it needs: {error}.",
            "Install snip-gui in the environment of every worker.",
        ) from error
    if not seen:
        raise UserError(
            "The Dask scheduler has no workers.", "Start some with “dask worker ADDRESS”."
        )
    return seen


def _import_distributed() -> Any:  # noqa: ANN401 - optional package
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise UserError(
            "A Dask cluster needs the package distributed, which is not installed.",
            "pip install 'snip-gui[cluster]', or distributed.",
        ) from error


def _minor(version: str) -> tuple[str, ...]:
    return tuple(version.split(".")[:2])
