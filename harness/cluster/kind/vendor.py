"""Vendors' files: fetched or taken from a mirror, believed only by their checksum, and turned into a manifest."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from harness.cluster.kind import places
from harness.cluster.kind.faults import explained
from harness.cluster.kind.programs import Programs
from harness.cluster.kind.recipes import Edit, Pin
from harness.cluster.kind.spec import Spec
from harness.errors import ClusterError, EnvironmentMissingError

_FETCH_S = 30.0
# The largest pinned file has 0.4 MB.
_LARGEST = 16 * 1024 * 1024
_HELM = "install helm 3 or newer; or render the chart elsewhere and give the manifest: --cni-manifest FILE"


@dataclass(frozen=True, slots=True)
class CniManifest:
    """What to apply, and where it came from; `note` is what a report must say of it, "" for nothing."""

    text: bytes
    source: str
    note: str = ""


def cni_manifest(spec: Spec, programs: Programs) -> CniManifest | None:
    """Return the manifest of the CNI that is asked for, None where kind brings it along. Raises `ClusterError`.

    A file that the user names is taken as it is, for it is his word; where it is the pinned file, by checksum, it is
    treated as that, so that a copy carried over by hand gets the edits for its address family too.
    """
    pin = spec.recipe.pin
    if pin is None:
        return None
    if spec.cni_manifest is None:
        content, source, note = fetched(pin, spec.mirror), f"{pin.name} sha256:{pin.sha256}", ""
    else:
        content = spec.cni_manifest.read_bytes()
        checksum = hashlib.sha256(content).hexdigest()
        if checksum == pin.sha256:
            source, note = f"{pin.name} sha256:{checksum}", ""
        else:
            source = f"{spec.cni_manifest.name} sha256:{checksum}"
            note = f"{spec.cni} comes from a file of the user's own, which nothing was checked against: {source}"
    is_archive = content.startswith(b"\x1f\x8b")
    if is_archive:
        content = _rendered(content, spec, programs)
    elif not note:
        content = edited(content.decode(), spec.recipe.edits.get(spec.family, ())).encode()
    return CniManifest(content, source, note)


def fetched(pin: Pin, mirror: str | None) -> bytes:
    """Return the pinned file from the cache, the mirror or its vendor. Raises `ClusterError` for any other content."""
    kept = places.cache() / pin.name
    if kept.is_file() and _is(pin, content := kept.read_bytes()):
        return content
    address = pin.url if mirror is None else f"{mirror.rstrip('/')}/{pin.name}"
    elsewhere = f"fetch {pin.url} where there is network, and name it: --cni-manifest FILE, or --mirror FOLDER"
    try:
        content = _read(address)
    except (OSError, urllib.error.URLError, ValueError) as fault:
        reason = getattr(fault, "reason", None) or getattr(fault, "strerror", None) or fault
        raise ClusterError(f"cannot be fetched: {reason}", where=address, remedy=elsewhere) from fault
    if not _is(pin, content):
        raise ClusterError(
            f"is not {pin.name} as it was pinned: its sha256 is {hashlib.sha256(content).hexdigest()}",
            where=address,
            remedy=f"nothing was installed; the pinned one is {pin.sha256}",
        )
    _keep(kept, content)
    return content


def edited(text: str, edits: tuple[Edit, ...]) -> str:
    """Return the text with all edits made. Raises `ClusterError` for one whose place is not there exactly once."""
    for edit in edits:
        if text.count(edit.old) != 1:
            raise ClusterError(
                f"this manifest has {text.count(edit.old)} places that read {edit.old.strip()!r}, and should have one",
                remedy="change it by hand for the address family, and name it: --cni-manifest FILE",
            )
        text = text.replace(edit.old, edit.new)
    return text


def _read(address: str) -> bytes:
    if "://" not in address:
        return Path(address).expanduser().read_bytes()
    if not address.startswith(("https://", "http://")):
        raise ValueError("only http, https and folders are known")
    # What arrives counts only by its checksum, so plain http, as mirrors inside a company speak it, is no risk.
    with urllib.request.urlopen(address, timeout=_FETCH_S) as response:  # noqa: S310 - the schemes are checked above
        content: bytes = response.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST} bytes")
    return content


def _is(pin: Pin, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() == pin.sha256


def _keep(file: Path, content: bytes) -> None:
    """Write a file in one go, so that nobody ever finds half of it."""
    with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
        part.write(content)
    Path(part.name).replace(file)


def _rendered(chart: bytes, spec: Spec, programs: Programs) -> bytes:
    """Return the manifest that Helm makes of a chart."""
    if shutil.which("helm") is None:
        raise EnvironmentMissingError(
            f"{spec.cni} is published as a Helm chart, and there is no helm on PATH",
            where=f"--cni {spec.cni}",
            remedy=_HELM,
        )
    with tempfile.NamedTemporaryFile(suffix=".tgz") as file:
        file.write(chart)
        file.flush()
        command = ["helm", "template", spec.cni, file.name, "--namespace", "kube-system"]
        for value in spec.recipe.values.get(spec.family, ()):
            command += ["--set", value]
        done = programs.run(command, install=_HELM)
    if done.status != 0:
        raise explained(done.said, doing=f"rendering the chart of {spec.cni}", where="helm")
    return done.output.encode()
