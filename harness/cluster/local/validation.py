"""Refuse malformed objects as an API server would, naming the field.

Only what this cluster depends on is looked at, with the rules of the API server's own validation
(networking.k8s.io/v1 `ValidateNetworkPolicySpec` and its neighbours). Unknown fields are errors:
a dropped `podSelector` would widen a policy to its whole namespace.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from harness.cluster.local import addressing
from harness.errors import ClusterError
from harness.model.flow import Family

PROTOCOLS = ("TCP", "UDP", "SCTP")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUALIFIED = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


class _Invalid(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, field: str, fault: str) -> None:
        super().__init__(f"{field}: {fault}")


def check(manifest: Mapping[str, Any]) -> None:
    """Raise `ClusterError` that names the first field of `manifest` an API server would not take."""
    try:
        kind = _kind(manifest)
        _metadata(_mapping(manifest.get("metadata"), "metadata"), kind)
        _CHECKS[kind](manifest)
    except _Invalid as fault:
        raise ClusterError(str(fault), where=_name_of(manifest)) from None


def _kind(manifest: Mapping[str, Any]) -> str:
    kind = _text(_mapping(manifest, "object").get("kind"), "kind")
    if kind not in _CHECKS:
        raise _Invalid("kind", f"the local cluster keeps no {kind}; it knows {', '.join(_CHECKS)}")
    return kind


def _name_of(manifest: Any) -> str:
    if not isinstance(manifest, Mapping):
        return "object"
    metadata = manifest.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    parts = (manifest.get("kind"), metadata.get("namespace"), metadata.get("name"))
    return "/".join(str(part) for part in parts if part)


def _metadata(metadata: Mapping[str, Any], kind: str) -> None:
    name = _text(metadata.get("name"), "metadata.name")
    if kind in ("Namespace", "Service"):
        _matches(_LABEL, name, "metadata.name", "a DNS label")
    else:
        _matches(_SUBDOMAIN, name, "metadata.name", "a DNS subdomain")
        if len(name) > 253:
            raise _Invalid("metadata.name", "over 253 characters")
    if kind not in ("Namespace", "External"):
        _matches(_LABEL, _text(metadata.get("namespace"), "metadata.namespace"), "metadata.namespace", "a DNS label")
    _labels(metadata.get("labels"), "metadata.labels")


def _policy(manifest: Mapping[str, Any]) -> None:
    if manifest.get("apiVersion") != "networking.k8s.io/v1":
        raise _Invalid("apiVersion", f"{manifest.get('apiVersion')!r} is not networking.k8s.io/v1")
    spec = _mapping(manifest.get("spec"), "spec", "podSelector", "policyTypes", "ingress", "egress")
    _selector(spec.get("podSelector"), "spec.podSelector")
    types = _list(spec.get("policyTypes"), "spec.policyTypes")
    if len(types) > 2:
        raise _Invalid("spec.policyTypes", "more than two")
    for index, value in enumerate(types):
        if value not in ("Ingress", "Egress"):
            raise _Invalid(f"spec.policyTypes[{index}]", f"{value!r} is neither Ingress nor Egress")
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, item in enumerate(_list(spec.get(direction), f"spec.{direction}")):
            at = f"spec.{direction}[{index}]"
            rule = _mapping(item, at, "ports", peers)
            for number, peer in enumerate(_list(rule.get(peers), f"{at}.{peers}")):
                _peer(peer, f"{at}.{peers}[{number}]")
            for number, port in enumerate(_list(rule.get("ports"), f"{at}.ports")):
                _policy_port(port, f"{at}.ports[{number}]")


def _peer(value: Any, at: str) -> None:
    peer = _mapping(value, at, "podSelector", "namespaceSelector", "ipBlock")
    selectors = [key for key in ("podSelector", "namespaceSelector") if peer.get(key) is not None]
    block = peer.get("ipBlock")
    if block is None and not selectors:
        raise _Invalid(at, "must specify a peer")
    if block is not None and selectors:
        raise _Invalid(at, f"ipBlock may not stand together with {selectors[0]}")
    for key in selectors:
        _selector(peer[key], f"{at}.{key}")
    if block is not None:
        block = _mapping(block, f"{at}.ipBlock", "cidr", "except")
        outer = _cidr(block.get("cidr"), f"{at}.ipBlock.cidr")
        for index, text in enumerate(_list(block.get("except"), f"{at}.ipBlock.except")):
            inner = _cidr(text, f"{at}.ipBlock.except[{index}]")
            # subnet_of of another family is a type error in typing's eyes only.
            if inner.version != outer.version or inner == outer or not inner.subnet_of(outer):
                raise _Invalid(f"{at}.ipBlock.except[{index}]", f"{text} must be a strict subset of {block['cidr']}")


def _policy_port(value: Any, at: str) -> None:
    item = _mapping(value, at, "protocol", "port", "endPort")
    _protocol(item.get("protocol"), f"{at}.protocol")
    port, end = item.get("port"), item.get("endPort")
    if isinstance(port, str):
        _matches(_PORT_NAME, port, f"{at}.port", "a port name")
    elif port is not None:
        _port_number(port, f"{at}.port")
    if end is not None:
        if not isinstance(port, int):
            raise _Invalid(f"{at}.endPort", "needs a numeric port")
        if _port_number(end, f"{at}.endPort") < port:
            raise _Invalid(f"{at}.endPort", f"{end} is below port {port}")


def _pod(manifest: Mapping[str, Any]) -> None:
    spec = _mapping(manifest.get("spec"), "spec")
    containers = _list(spec.get("containers"), "spec.containers")
    if not containers:
        raise _Invalid("spec.containers", "a pod needs one")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(_list(spec.get(field), f"spec.{field}")):
            at = f"spec.{field}[{index}]"
            for number, port in enumerate(_list(_mapping(container, at).get("ports"), f"{at}.ports")):
                item = _mapping(port, f"{at}.ports[{number}]")
                _port_number(item.get("containerPort"), f"{at}.ports[{number}].containerPort")
                _protocol(item.get("protocol"), f"{at}.ports[{number}].protocol")
                if item.get("name") is not None:
                    _matches(_PORT_NAME, item["name"], f"{at}.ports[{number}].name", "a port name")
    _arguments(containers[0].get("args"), "spec.containers[0].args")


def _service(manifest: Mapping[str, Any]) -> None:
    spec = _mapping(manifest.get("spec"), "spec")
    _labels(spec.get("selector"), "spec.selector")
    for index, value in enumerate(_list(spec.get("ports"), "spec.ports")):
        at = f"spec.ports[{index}]"
        port = _mapping(value, at)
        _port_number(port.get("port"), f"{at}.port")
        _protocol(port.get("protocol"), f"{at}.protocol")
        target = port.get("targetPort")
        if isinstance(target, str):
            _matches(_PORT_NAME, target, f"{at}.targetPort", "a port name")
        elif target is not None:
            _port_number(target, f"{at}.targetPort")


def _external(manifest: Mapping[str, Any]) -> None:
    spec = _mapping(manifest.get("spec"), "spec", "addresses", "args")
    addresses = _mapping(spec.get("addresses"), "spec.addresses", *Family)
    if not addresses:
        raise _Invalid("spec.addresses", "at least one is needed")
    for family, address in addresses.items():
        at = f"spec.addresses.{family}"
        try:
            version = ip_address(_text(address, at)).version
        except ValueError:
            raise _Invalid(at, f"{address!r} is no address") from None
        if version != (4 if family == Family.IPV4 else 6):
            raise _Invalid(at, f"{address} is not {family}")
        if addressing.is_ours(address):
            raise _Invalid(at, f"{address} lies in the cluster's own ranges")
    _arguments(spec.get("args"), "spec.args")


def _namespace(manifest: Mapping[str, Any]) -> None:
    """A namespace is its metadata."""


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "Namespace": _namespace,
    "Pod": _pod,
    "Service": _service,
    "NetworkPolicy": _policy,
    "External": _external,
}


def _mapping(value: Any, at: str, *known: str) -> Mapping[str, Any]:
    # A null where an object may stand is an absent one, as after a round trip through the API.
    if value is None:
        value = {}
    if not isinstance(value, Mapping):
        raise _Invalid(at, f"a mapping was expected, not {value!r}")
    for key in value:
        if known and key not in known:
            raise _Invalid(f"{at}.{key}", f"unknown field; known: {', '.join(known)}")
    return value


def _list(value: Any, at: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise _Invalid(at, f"a list was expected, not {value!r}")
    return list(value)


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or not value:
        raise _Invalid(at, "missing" if value in (None, "") else f"text was expected, not {value!r}")
    return value


def _matches(pattern: re.Pattern[str], value: Any, at: str, what: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _Invalid(at, f"{value!r} is not {what}")


def _labels(value: Any, at: str) -> None:
    for key, text in _mapping(value, at).items():
        _matches(_QUALIFIED, key, f"{at}.{key}", "a label key")
        _matches(_VALUE, text, f"{at}.{key}", "a label value")


def _selector(value: Any, at: str) -> None:
    selector = _mapping(value, at, "matchLabels", "matchExpressions")
    _labels(selector.get("matchLabels"), f"{at}.matchLabels")
    for index, item in enumerate(_list(selector.get("matchExpressions"), f"{at}.matchExpressions")):
        here = f"{at}.matchExpressions[{index}]"
        requirement = _mapping(item, here, "key", "operator", "values")
        _matches(_QUALIFIED, requirement.get("key"), f"{here}.key", "a label key")
        operator, values = requirement.get("operator"), _list(requirement.get("values"), f"{here}.values")
        if operator in ("Exists", "DoesNotExist"):
            if values:
                raise _Invalid(f"{here}.values", f"may not be given with {operator}")
        elif operator in ("In", "NotIn"):
            if not values:
                raise _Invalid(f"{here}.values", f"must be given with {operator}")
        else:
            raise _Invalid(f"{here}.operator", f"{operator!r} is none of In, NotIn, Exists, DoesNotExist")
        for text in values:
            _matches(_VALUE, text, f"{here}.values", "a label value")


def _protocol(value: Any, at: str) -> None:
    if value is not None and value not in PROTOCOLS:
        raise _Invalid(at, f"{value!r} is none of {', '.join(PROTOCOLS)}")


def _port_number(value: Any, at: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 65535:
        raise _Invalid(at, "missing" if value is None else f"{value!r} is no port between 1 and 65535")
    return value


def _cidr(value: Any, at: str) -> Any:
    text = _text(value, at)
    # A bare address is no CIDR to the API server, though it is to Python.
    with contextlib.suppress(ValueError):
        if "/" in text:
            return ip_network(text, strict=False)
    raise _Invalid(at, f"{text!r} is no CIDR")


def _arguments(value: Any, at: str) -> None:
    arguments = _list(value, at)
    if "--name" not in arguments[:-1] or not all(isinstance(item, str) for item in arguments):
        raise _Invalid(at, "the agent's arguments were expected: local pods run nothing else")
