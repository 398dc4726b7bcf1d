"""CIDRs, and the variables that stand for addresses known only once a pod runs.

`${address:shop/db}/32` is the pod's own address, `${network:shop/db/24}` the block of that size
around it; `address6` and `network6` are the same over IPv6. Externals are named without a slash. Endpoints
are the scenario's own names, whatever its namespaces are called in a run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from typing import Any

from harness.model.flow import Endpoint, Family
from harness.model.policy import Cidr
from harness.scenario.names import is_dns1123_label, is_dns1123_subdomain, shown

AddressOf = Callable[[Endpoint, Family], str]

_VARIABLE = re.compile(r"\$\{(?P<word>[^:}]*)(?::(?P<subject>[^}]*))?\}(?P<rest>.*)", re.DOTALL)
_DOTTED = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12}){3}")
_BITS = re.compile(r"[0-9]{1,9}")
_FAMILIES = {
    "address": Family.IPV4,
    "address6": Family.IPV6,
    "network": Family.IPV4,
    "network6": Family.IPV6,
}
_WIDTH = {Family.IPV4: 32, Family.IPV6: 128}
_EXAMPLES = "known: ${address:NS/POD}/32, ${address6:NS/POD}/128, ${network:NS/POD/24}, ${network6:NS/POD/64}"


@dataclass(frozen=True, slots=True)
class CidrFault:
    """Why a text is no CIDR that the API server takes, and what to write instead where that is known."""

    fault: str
    remedy: str | None = None


def parse_cidr(text: str) -> Cidr | str:
    """Return the block that `text` names, or the fault as a sentence part."""
    cidr = read_cidr(text)
    return cidr if isinstance(cidr, Cidr) else cidr.fault


def read_cidr(text: str) -> Cidr | CidrFault:
    """Return the block that `text` names, or its fault.

    As strict as Kubernetes 1.36 (StrictIPCIDRValidation): no host bits, no leading zeros, no IPv4-mapped
    IPv6. An IPv6 address that is not in RFC 5952 form is taken; the server only warns.
    """
    return _variable(text) if "$" in text else _plain(text)


def prefix_length(cidr: Cidr) -> int:
    """Return the number of fixed bits, which is known for variables too."""
    return cidr.network.prefixlen if cidr.network is not None else cidr.prefix or 0


def substitute(document: Mapping[str, Any], address: AddressOf) -> dict[str, Any]:
    """Return a copy of a manifest with the variables of every `cidr` and `except` replaced by real blocks.

    Nothing else changes, and what is no variable known here stays as written. `address` answers
    with an endpoint's own address; whatever it raises goes through.
    """
    return {
        key: deepcopy(value) if key == "metadata" else _field(key, value, address) for key, value in document.items()
    }


def _field(key: Any, value: Any, address: AddressOf) -> Any:
    if key == "cidr":
        return _block(value, address)
    if key == "except" and isinstance(value, list):
        return [_block(item, address) for item in value]
    return _walked(value, address)


def _walked(value: Any, address: AddressOf) -> Any:
    if isinstance(value, Mapping):
        return {key: _field(key, item, address) for key, item in value.items()}
    return [_walked(item, address) for item in value] if isinstance(value, list) else value


def _block(value: Any, address: AddressOf) -> Any:
    if not isinstance(value, str) or "$" not in value:
        return _walked(value, address)
    cidr = read_cidr(value)
    if isinstance(cidr, CidrFault) or cidr.endpoint is None:
        return value
    return str(ip_network(f"{address(cidr.endpoint, cidr.family)}/{cidr.prefix}", strict=False))


def _plain(text: str) -> Cidr | CidrFault:
    written, slash, bits_text = text.partition("/")
    address = _address(written)
    if address is None or (slash and _BITS.fullmatch(bits_text) is None):
        return CidrFault(f"{shown(text)} is no CIDR", "as in 192.0.2.0/24 or 2001:db8::/64")
    width = address.max_prefixlen
    if not slash:
        return CidrFault(f"{shown(text)} is an address, not a block", f"write {address}/{width}")
    bits = int(bits_text)
    if bits > width:
        return CidrFault(f"{shown(text)} has a prefix of {bits} bits, of at most {width}")
    network = ip_network(f"{address}/{bits}", strict=False)
    if isinstance(network, IPv6Network) and (fault := _mapped_fault(text, address, bits)):
        return fault
    if (written.count(".") == 3 and ":" not in written and written != str(address)) or bits_text != str(bits):
        return CidrFault(f"{shown(text)} has leading zeros", f"write {network}")
    if network.network_address != address:
        return CidrFault(
            f"{shown(text)} has bits set beyond its prefix of {bits}",
            f"write {network} for the block, or {address}/{width} for the one address",
        )
    family = Family.IPV4 if network.version == 4 else Family.IPV6
    return Cidr(text, family, network=network)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address, leading zeros read as Kubernetes used to read them: in base ten."""
    if _DOTTED.fullmatch(text):
        octets = [int(octet) for octet in text.split(".")]
        return IPv4Address(bytes(octets)) if max(octets) < 256 else None
    try:
        # A zone (fe80::1%eth0) means something on one machine only.
        return IPv6Address(text) if "%" not in text else None
    except ValueError:
        return None


def _mapped_fault(text: str, address: IPv4Address | IPv6Address, bits: int) -> CidrFault | None:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if inner is None:
        return None
    block = f"write {ip_network(f'{inner}/{bits - 96}', strict=False)}" if bits >= 96 else "write the IPv4 block"
    return CidrFault(f"{shown(text)} is IPv4 mapped into IPv6", block)


def _variable(text: str) -> Cidr | CidrFault:
    match = _VARIABLE.fullmatch(text)
    if match is None:
        return CidrFault(f"{shown(text)} holds no whole variable", _EXAMPLES)
    word, subject, rest = match["word"], match["subject"] or "", match["rest"]
    family = _FAMILIES.get(word)
    if family is None:
        return CidrFault(f"unknown variable {shown(word)}", _EXAMPLES)
    width = _WIDTH[family]
    if word.startswith("address"):
        fault = _address_fault(text, word, subject, rest, width)
        endpoint, bits = subject, width
    else:
        endpoint, _, bits_text = subject.rpartition("/")
        bits = int(bits_text) if _BITS.fullmatch(bits_text) else -1
        fault = _network_fault(text, word, subject, rest, bits)
    if fault is None and not _is_endpoint(endpoint):
        fault = CidrFault(f"{shown(endpoint)} names no endpoint", "as in shop/db for a pod, or office for an external")
    return fault or Cidr(text, family, endpoint=Endpoint(endpoint), prefix=bits)


def _address_fault(text: str, word: str, subject: str, rest: str, width: int) -> CidrFault | None:
    if rest == f"/{width}":
        return None
    whole = f"${{{word}:{subject}}}/{width}"
    if not rest:
        return CidrFault(f"{shown(text)} is an address, not a block", f"write {whole}")
    if _BITS.fullmatch(rest[1:]) and rest[0] == "/" and int(rest[1:]) < width:
        network = f"${{{word.replace('address', 'network')}:{subject}/{int(rest[1:])}}}"
        return CidrFault(
            f"{shown(text)} would have bits set beyond its prefix",
            f"write {network} for the block, or {whole} for the one address",
        )
    return CidrFault(f"{shown(text)} must end in /{width}", f"write {whole}")


def _network_fault(text: str, word: str, subject: str, rest: str, bits: int) -> CidrFault | None:
    width = _WIDTH[_FAMILIES[word]]
    if rest.startswith("/"):
        return CidrFault(f"{shown(text)} has its prefix outside the braces", f"write ${{{word}:{subject}{rest}}}")
    if rest:
        return CidrFault(f"{shown(text)} has something behind the variable", _EXAMPLES)
    if bits < 0:
        return CidrFault(f"{shown(text)} lacks the size of the block", f"as in ${{{word}:{subject}/{width * 3 // 4}}}")
    if bits > width:
        return CidrFault(f"{shown(text)} has a prefix of {bits} bits, of at most {width}")
    if subject.rpartition("/")[2] != str(bits):
        endpoint = subject.rpartition("/")[0]
        return CidrFault(f"{shown(text)} has leading zeros", f"write ${{{word}:{endpoint}/{bits}}}")
    return None


def _is_endpoint(text: str) -> bool:
    namespace, slash, name = text.rpartition("/")
    return is_dns1123_subdomain(name) and (not slash or is_dns1123_label(namespace))
