"""The preferences that have a form, by section: labels, help, bounds and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from snip_gui.core.base.environment import MOST_THREADS, default_num_threads
from snip_gui.core.engine.processes import default_num_processes
from snip_gui.core.recipe.field import Field

if TYPE_CHECKING:
    from snip_gui.session.state.preferences import Preferences

_AUTOMATIC = ("num_threads", "image_memory_gb", "num_at_once")
"""Numbers of which None, shown as 0, stands for an automatic choice."""


def preference_sections() -> tuple[tuple[str, tuple[Field, ...]], ...]:
    """Return the title and the fields of each section; automatic values are stated as of now."""
    appearance = (
        Field(
            path="theme", kind="choice", label="Theme",
            help="Colours of the window.",
            choices=(("system", "Follow system"), ("light", "Light"), ("dark", "Dark")),
        ),
        Field(
            path="numbers", kind="choice", label="Decimal mark",
            help="Decimal mark in fields where numbers are entered. Everywhere else numbers are "
            "written with a point, as in files and on the command line.",
            choices=(("system", "Follow system"), ("point", "Point: 98.5"),
                     ("comma", "Comma: 98,5")),
        ),
        Field(
            path="shows_advanced", kind="bool", label="Advanced settings",
            help="Show the settings under Setup that are rarely changed.",
        ),
    )  # fmt: skip
    computation = (
        Field(
            path="device", kind="text", label="Device", choices_from="devices",
            help="Where scoring and training run; not part of the recipe.",
        ),
        Field(
            path="num_threads", kind="int", label="Threads", minimum=0, maximum=MOST_THREADS,
            help="CPU threads per operation; one fewer than the number of cores keeps the window "
            "responsive.",
            zero=f"automatic: {default_num_threads()}",
        ),
        Field(
            path="image_memory_gb", kind="float", label="Image memory", minimum=0, maximum=4096,
            decimals=2, unit="GB",
            help="Memory limit for a folder of images; larger folders are streamed from disk.",
            zero="automatic: half of the free memory",
        ),
        Field(
            path="live_scoring", kind="bool", label="Live scoring",
            help="Score automatically after every change, as long as this takes less than 0.3 s.",
        ),
    )  # fmt: skip
    folders = (
        Field(
            path="data_folder", kind="folder", label="Data folder",
            help="Folder of data sets whose location was not chosen individually.",
            zero="none",
        ),
        Field(
            path="runs_folder", kind="folder", label="Runs folder",
            help="Where runs are saved and listed, by this window and the command line.",
            zero="default",
        ),
        Field(
            path="export_folder", kind="folder", label="Export folder",
            help="The folder that Export suggests.",
            zero="home folder",
        ),
    )  # fmt: skip
    training = (
        Field(
            path="train_dense", kind="bool", label="Also train dense",
            help="Train also trains the dense network, to compare with.",
        ),
        Field(
            path="train_random", kind="bool", label="Also train random mask",
            help="Train also trains a network with a random mask, to compare with.",
        ),
        Field(
            path="event_files", kind="bool", label="TensorBoard files",
            help="Write an event file for TensorBoard beside the metrics of every run.",
        ),
        Field(
            path="executor", kind="choice", label="Background runs",
            help="Where runs in the background are trained.",
            choices=(("processes", "Processes on this machine"), ("dask", "Dask cluster")),
        ),
        Field(
            path="num_at_once", kind="int", label="Runs at once", minimum=0, maximum=MOST_THREADS,
            help="Number of processes, each with one thread. With 1, runs are trained in the "
            "window, one after another.",
            zero=f"automatic: {default_num_processes(spare=1)}",
        ),
        Field(
            path="dask_address", kind="text", label="Dask address",
            help="Address of the scheduler of the Dask cluster, which must see the runs folder "
            "under the same path. Use only a cluster that you trust.",
            zero="tcp://127.0.0.1:8786",
        ),
    )  # fmt: skip
    return (
        ("Appearance", appearance),
        ("Computation", computation),
        ("Folders", folders),
        ("Training", training),
    )


def shown_values(preferences: Preferences) -> dict[str, object]:
    """Return the values to show in the form; those that have no effect at present are left out."""
    values: dict[str, object] = {
        field.path: getattr(preferences, field.path)
        for _, fields in preference_sections()
        for field in fields
    }
    for path in _AUTOMATIC:
        values[path] = values[path] or 0
    del values["num_at_once" if preferences.executor == "dask" else "dask_address"]
    return values


def stored_value(path: str, shown: object) -> object:
    """Return the preference that stands for a value in the form."""
    return (shown or None) if path in _AUTOMATIC else shown
