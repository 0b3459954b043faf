"""The model card of a checkpoint, as model hubs expect it: YAML, then Markdown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from snip_gui.core.base.environment import describe_machine
from snip_gui.core.base.files import read_bytes
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import dataset_title
from snip_gui.core.export.catalogue import PRECISION_TITLES
from snip_gui.core.export.events import OPENVINO
from snip_gui.core.models.networks import network_title
from snip_gui.core.recipe.edits import Edit, shortened
from snip_gui.core.recipe.methods import GIVEN, METHODS, method_named

if TYPE_CHECKING:
    from snip_gui.core.export.catalogue import ExportFormat
    from snip_gui.core.export.events import Costs, Latency
    from snip_gui.core.export.package import Package

_PICTURE = "input_map.png"
_LARGEST_PICTURE = 64_000_000


def card_picture(package: Package) -> bytes:
    """Return the input map of the run as a PNG file; empty if its network has none.

    Raises
    ------
    UserError
        If it cannot be read, or is a link: the run may be untrusted, and the link's target would be
        published with the card.
    """
    path = package.folder / _PICTURE
    if not path.exists():
        return b""
    return read_bytes(path, max_bytes=_LARGEST_PICTURE, follow_links=False)


@dataclass(frozen=True)
class Written:
    """A file that was written and verified.

    Attributes
    ----------
    proof
        What was compared when it was verified.
    has_picture
        Whether its picture is beside it.
    """

    name: str
    size_bytes: int
    digest: str
    proof: str
    has_picture: bool


def card_text(package: Package, chosen: ExportFormat, written: Written, costs: Costs | None) -> str:
    """Return the card of a file, with what was measured before if that is given."""
    name = written.name
    manifest = package.manifest
    data = dataset_title(manifest["recipe"]["data"]["name"])
    network = network_title(package.choice)
    sparsity = sparsity_text(manifest["sparsity_reached"])
    parts = [
        _front_matter(manifest, network, data),
        f"# {network}, {sparsity} of its connections removed\n",
        f"{chosen.title}: {chosen.description}\n",
        _picture(name) if written.has_picture else "",
        "## Loading\n",
        f"```python\n{chosen.loading_lines(name)}\n```\n",
        "## The network\n",
        _facts(package, chosen, network, data, sparsity),
        "## Layers\n",
        _layers(manifest),
        "## The file\n",
        f"`{name}`, {written.size_bytes:,} bytes, SHA-256 `{written.digest}`. Read back after it "
        f"was written: {written.proof}.\n",
        f"{left_out}\n" if (left_out := chosen.leaves_out(package)) else "",
        _costs(chosen, written, costs) if costs is not None else "",
        "Unstructured sparsity makes files smaller but does not make ordinary dense kernels "
        "faster.\n",
        "## Recipe\n",
        f"```json\n{json.dumps(manifest['recipe'], indent=2)}\n```\n",
    ]
    return "\n".join(part for part in parts if part)


def _front_matter(manifest: dict[str, Any], network: str, data: str) -> str:
    """Return the metadata that hubs read: tags, and the test error as a result."""
    lines = [
        "---",
        "library_name: pytorch",
        "pipeline_tag: image-classification",
        "tags:",
        "- pruning",
        "- sparsity",
        f"- {manifest['recipe']['pruning']['method']}",
        "datasets:",
        f"- {manifest['recipe']['data']['name']}",
    ]
    error = manifest["errors"].get("test")
    if error is not None:
        lines += [
            "model-index:",
            f"- name: {json.dumps(network)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "    dataset:",
            f"      name: {json.dumps(data)}",
            f"      type: {manifest['recipe']['data']['name']}",
            "    metrics:",
            "    - type: accuracy",
            f"      value: {1 - error:.4f}",
        ]
    return "\n".join([*lines, "---", ""])


def _picture(name: str) -> str:
    place = f"{name}.png".replace(" ", "%20")
    return f"![The fraction of each input pixel's connections that is kept]({place})\n"


def _facts(package: Package, chosen: ExportFormat, network: str, data: str, sparsity: str) -> str:
    """Return the facts about the network as a table."""
    manifest, changed = package.manifest, package.changed_errors.get(chosen.name)
    shape = "x".join(str(side) for side in manifest["input_shape"])
    normalisation = manifest["normalisation"]
    rows = [
        ("network", network),
        ("data", data),
        ("input", f"{shape} (channels, rows, columns), (x - mean) / std, x in 0-1"),
        ("mean", ", ".join(f"{value:.6g}" for value in normalisation["mean"])),
        ("deviation", ", ".join(f"{value:.6g}" for value in normalisation["deviation"])),
        ("classes", ", ".join(manifest["classes"][:20])),
        ("pruning method", _method(manifest["recipe"]["pruning"]["method"])),
        *_edits(manifest["recipe"]["pruning"].get("edits", [])),
        ("removed", f"{sparsity} (requested: {sparsity_text(manifest['sparsity_asked'])})"),
        ("kept", f"{manifest['num_kept']:,} of {manifest['num_parameters']:,}"),
        ("trained", f"{manifest['steps']:,} steps" if manifest["trained"] else "never"),
    ]
    rows += [("note", remark) for remark in manifest["remarks"]]
    rows += [
        (f"{split} error", f"{manifest['errors'][split]:.2%}")
        for split in ("train", "validation", "test")
        if split in manifest["errors"]
    ]
    if changed is not None:
        rows.append(
            (
                f"test error in {PRECISION_TITLES[chosen.precision]}",
                f"{changed.after:.2%}; in single precision {changed.before:.2%}, "
                f"on {changed.num_images:,} images",
            )
        )
    packages = [f"{name} {version}" for name, version in manifest["versions"].items()]
    plugins = manifest["recipe"].get("plugins", {})
    packages += [requirement.replace("==", " ") for requirement in dict.fromkeys(plugins.values())]
    return _table(("", ""), [*rows, ("made with", ", ".join(packages))])


def _costs(chosen: ExportFormat, written: Written, costs: Costs) -> str:
    """Return size and speed beside those of the network before pruning, with definitions."""
    before, after = costs.speeds.get("dense"), costs.speeds.get(chosen.run_as)
    whole, stored = costs.formats.get("pt"), costs.formats.get(chosen.name)
    rows: list[tuple[str, ...]] = []
    if whole is not None and stored is not None:
        rows += [
            _count_row("bytes", whole.size_bytes, written.size_bytes),
            _count_row("values stored", whole.num_stored, stored.num_stored),
        ]
    if before is not None and after is not None:
        rows += [
            _count_row("MACs per image", before.multiply_accumulates, after.multiply_accumulates),
            *_latency_row("1 image, ms", before.one, after.one),
            *_latency_row(f"{before.batch_size} images, ms", before.batch, after.batch),
        ]
        other = costs.speeds.get(chosen.run_as + OPENVINO)
        if other is not None:
            rows += [
                *_latency_row(f"1 image{OPENVINO}, ms", before.one, other.one),
                *_latency_row(
                    f"{before.batch_size} images{OPENVINO}, ms", before.batch, other.batch
                ),
            ]
    if not rows:
        return ""
    num_threads = 1 if before is None else before.num_threads
    threads = f"{num_threads} {'thread' if num_threads == 1 else 'threads'}"
    return "\n".join(
        [
            "## Cost\n",
            _table(("", "before pruning", "this file", "ratio"), rows),
            "Before pruning: the same network with its initial weights, run by torch. Times are "
            "medians of alternating repetitions, with lower and upper quartile, on "
            f"{describe_machine()}, {threads}; a ratio is before divided by after.\n",
        ]
    )


def _count_row(what: str, before: int, after: int) -> tuple[str, ...]:
    return (what, f"{before:,}", f"{after:,}", _ratio(before, after))


def _latency_row(what: str, before: Latency | None, after: Latency | None) -> list[tuple[str, ...]]:
    """Return the row of two latencies; none unless both were measured."""
    if before is None or after is None:
        return []
    both = (
        f"{one.median_ms:.3g} ({one.lower_ms:.3g} to {one.upper_ms:.3g})" for one in (before, after)
    )
    return [(what, *both, _ratio(before.median_ms, after.median_ms))]


def _ratio(before: float, after: float) -> str:
    return f"{before / after:.2f}" if after else ""


def _method(name: str) -> str:
    """Return the title of a pruning method; its name if its package is not installed."""
    known = (*METHODS.names, GIVEN.name)
    return method_named(name).title if name in known else name


def _edits(raw: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return how the mask was edited by hand: at most one row."""
    edits = msgspec.convert(raw, tuple[Edit, ...])
    return [("edited by hand", "; ".join(map(shortened, edits)))] if edits else []


def _layers(manifest: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [
        (
            str(row["layer"]),
            f"{row['kept']:,}",
            f"{row['total']:,}",
            f"{1 - row['kept'] / row['total']:.2%}",
        )
        for row in manifest["layers"]
    ]
    return _table(("layer", "kept", "of", "removed"), rows)


def _table(headers: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a table in Markdown."""
    lines = [headers, tuple("---" for _ in headers), *rows]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
