"""Scenario namespaces to run-unique ones, and back; the one change that manifests undergo.

Pure. Renaming is total over what decides which namespace is meant (where an object lives, and which
namespaces a selector names) and touches nothing else: a `podSelector` looks at pods' own labels, and those
stay as written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from harness.model.flow import Endpoint
from harness.model.topology import METADATA_NAME
from harness.scenario.names import LABEL_LIMIT, is_dns1123_label

_DIGEST = 10
PREFIX_LIMIT = LABEL_LIMIT - _DIGEST - 3  # leaves room for '-', one character of the name, '-'

_NAMESPACE_KEYS = frozenset({METADATA_NAME, "projectcalico.org/name"})
_NAMESPACE_SELECTORS = frozenset({"namespaceSelector", "namespaces"})
_NO_KEYS: frozenset[str] = frozenset()
_CILIUM_KINDS = frozenset({"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"})
_CILIUM_KEYS = frozenset({"k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace"})

# Kinds that live in no namespace; any other is taken to live in one.
_CLUSTER_SCOPED = frozenset(
    {
        "AdminNetworkPolicy",
        "BaselineAdminNetworkPolicy",
        "CiliumCIDRGroup",
        "CiliumClusterwideNetworkPolicy",
        "ClusterGroup",
        "ClusterNetworkPolicy",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "External",
        "GlobalNetworkPolicy",
        "GlobalNetworkSet",
        "HostEndpoint",
        "IPPool",
        "IngressClass",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StagedGlobalNetworkPolicy",
        "StorageClass",
        "Tier",
    }
)


@dataclass(frozen=True)
class Renaming:
    """Names of namespaces as written in a scenario, to those of one run; injective.

    A name that is not the scenario's stands for itself both ways.
    """

    names: Mapping[str, str]
    _written: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        written = {real: name for name, real in self.names.items()}
        if len(written) != len(self.names):
            raise ValueError(f"two namespaces would share one name: {dict(self.names)}")
        object.__setattr__(self, "_written", written)

    @classmethod
    def build(cls, namespaces: Iterable[str], prefix: str) -> Renaming:
        """Give each namespace the name `prefix-NAME`, cut and closed with a digest where that is over 63 characters.

        A dash that ends the prefix is that dash. The same namespaces and prefix give the same names, in any order.
        Raises `ValueError` for a prefix that is no DNS-1123 label or has over `PREFIX_LIMIT` characters.
        """
        stem = prefix.removesuffix("-")
        if not is_dns1123_label(stem) or len(stem) > PREFIX_LIMIT:
            raise ValueError(f"no prefix for names of namespaces: {prefix!r}")
        plain = {name: f"{stem}-{name}" for name in sorted(set(namespaces))}
        names = {name: real for name, real in plain.items() if len(real) <= LABEL_LIMIT}
        taken = set(names.values())
        for name, real in plain.items():
            if name not in names:
                names[name] = _cut(real, taken)
                taken.add(names[name])
        return cls(names)

    @classmethod
    def identity(cls) -> Renaming:
        """Return the renaming that changes nothing, for `--verbatim-namespaces`."""
        return cls({})

    def real(self, name: str) -> str:
        """Return the run's name of the namespace written `name`."""
        return self.names.get(name, name)

    def written(self, name: str) -> str:
        """Return the scenario's name of the namespace that is really called `name`."""
        return self._written.get(name, name)

    def label_value(self, name: str) -> str:
        """Return what `kubernetes.io/metadata.name` holds on the namespace written `name`."""
        return self.real(name)

    def real_endpoint(self, endpoint: str) -> Endpoint:
        """Return "namespace/name" with the run's namespace; an external's bare name is the same everywhere."""
        namespace, slash, name = endpoint.partition("/")
        return Endpoint(f"{self.real(namespace)}/{name}" if slash else endpoint)

    def written_endpoint(self, endpoint: str) -> Endpoint:
        """Return "namespace/name" with the scenario's namespace; the inverse of `real_endpoint`."""
        namespace, slash, name = endpoint.partition("/")
        return Endpoint(f"{self.written(namespace)}/{name}" if slash else endpoint)


def renamed(document: Mapping[str, Any], renaming: Renaming) -> dict[str, Any]:
    """Return a copy of a manifest in which the scenario's namespaces bear the run's names.

    Changed are `metadata.namespace` (an absent one is `default`, and is written out where
    `default` has another name in the run), the name of a Namespace itself, and the values
    of the well-known name labels in namespace selectors of any kind; in Cilium's kinds, of its
    namespace keys in all selectors. Everything else is as written, unknown kinds and wrong shapes included.
    """
    kind = str(document.get("kind"))
    body = {key: value for key, value in document.items() if key != "metadata"}
    result: dict[str, Any] = _walked(body, _NO_KEYS, renaming, cilium=kind in _CILIUM_KINDS)
    # Put back where it stood: the order of keys is the author's.
    return {
        key: _metadata(value, kind, renaming) if key == "metadata" else result[key] for key, value in document.items()
    }


def _metadata(original: Any, kind: str, renaming: Renaming) -> Any:
    metadata = deepcopy(original)
    if not isinstance(metadata, dict):
        return metadata
    namespace = metadata.get("namespace")
    if isinstance(namespace, str) and namespace:
        metadata["namespace"] = renaming.real(namespace)
    elif namespace in (None, "") and kind not in _CLUSTER_SCOPED and renaming.real("default") != "default":
        metadata["namespace"] = renaming.real("default")
    if kind == "Namespace":
        if isinstance(metadata.get("name"), str):
            metadata["name"] = renaming.real(metadata["name"])
        if isinstance(metadata.get("labels"), dict):
            metadata["labels"] = _match_labels(metadata["labels"], _NAMESPACE_KEYS, renaming)
    return metadata


def _walked(value: Any, keys: frozenset[str], renaming: Renaming, *, cilium: bool) -> Any:
    """Copy `value`; `keys` are the label keys that name a namespace in a selector that stands here."""
    if isinstance(value, list):
        return [_walked(item, keys, renaming, cilium=cilium) for item in value]
    if not isinstance(value, Mapping):
        return value
    result: dict[Any, Any] = {}
    for key, item in value.items():
        if key == "matchLabels" and isinstance(item, Mapping):
            result[key] = _match_labels(item, keys, renaming)
        elif key == "matchExpressions" and isinstance(item, list):
            result[key] = [_match_expression(entry, keys, renaming) for entry in item]
        else:
            inside = _CILIUM_KEYS if cilium else _NAMESPACE_KEYS if key in _NAMESPACE_SELECTORS else _NO_KEYS
            result[key] = _walked(item, inside, renaming, cilium=cilium)
    return result


def _match_labels(labels: Mapping[Any, Any], keys: frozenset[str], renaming: Renaming) -> dict[Any, Any]:
    return {
        key: renaming.label_value(value) if key in keys and isinstance(value, str) else deepcopy(value)
        for key, value in labels.items()
    }


def _match_expression(entry: Any, keys: frozenset[str], renaming: Renaming) -> Any:
    copy = deepcopy(entry)
    key = copy.get("key") if isinstance(copy, dict) else None
    # NotIn as well as In: both name namespaces.
    if isinstance(key, str) and key in keys and isinstance(copy.get("values"), list):
        copy["values"] = [renaming.label_value(value) if isinstance(value, str) else value for value in copy["values"]]
    return copy


def _cut(name: str, taken: set[str]) -> str:
    """Return `name` cut to what a label holds, unlike any of `taken`."""
    for attempt in range(len(taken) + 1):
        digest = hashlib.sha256(f"{attempt} {name}".encode()).hexdigest()[:_DIGEST]
        candidate = f"{name[: LABEL_LIMIT - _DIGEST - 1].rstrip('-')}-{digest}"
        if candidate not in taken:
            return candidate
    raise ValueError(f"no free name for {name!r}")  # pragma: no cover - as many digests would have to collide
