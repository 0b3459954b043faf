"""The model card of a checkpoint, as model hubs expect it: YAML, then Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from snip_gui.core.base.files import read_bytes
from snip_gui.core.base.text import sparsity_text
from snip_gui.core.data.sets.catalogue import dataset_title
from snip_gui.core.export.catalogue import PRECISION_TITLES
from snip_gui.core.models.networks import network_title
from snip_gui.core.recipe.methods import METHODS

if TYPE_CHECKING:
    from snip_gui.core.export.catalogue import ExportFormat
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


def card_text(
    package: Package,
    chosen: ExportFormat,
    name: str,
    size_bytes: int,
    digest: str,
    proof: str,
    has_picture: bool,
) -> str:
    """Return the card of a file.

    Parameters
    ----------
    proof
        What was compared when the file was verified.
    """
    manifest = package.manifest
    data = dataset_title(manifest["recipe"]["data"]["name"])
    network = network_title(package.choice)
    sparsity = sparsity_text(manifest["sparsity_reached"])
    parts = [
        _front_matter(manifest, network, data),
        f"# {network}, {sparsity} of its connections removed\n",
        f"{chosen.title}: {chosen.description}\n",
        _picture(name) if has_picture else "",
        "## Loading\n",
        f"```python\n{chosen.loading_lines(name)}\n```\n",
        "## The network\n",
        _facts(package, chosen, network, data, sparsity),
        "## Layers\n",
        _layers(manifest),
        "## The file\n",
        f"`{name}`, {size_bytes:,} bytes, SHA-256 `{digest}`. Read back after it was written: "
        f"{proof}.\n",
        f"{left_out}\n" if (left_out := chosen.leaves_out(package)) else "",
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


def _method(name: str) -> str:
    """Return the title of a pruning method; its name if its package is not installed."""
    return METHODS[name].title if name in METHODS.names else name


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
