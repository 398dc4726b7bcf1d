"""Readings of where traffic comes from: nodes, pods on their network, and pods that meet themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from harness.model.flow import Endpoint, Flow, Via
from harness.model.topology import External, Pod, Topology
from harness.profiles.world import Reading, World, ends, has_blocks, is_on_host, without_policies
from harness.semantics.placement import Placement


def hosts_are_nodes() -> Reading:
    """A hostNetwork pod is its node: no policy isolates it, no selector selects it, and its ports have no names.

    Not concerned where its node is unknown and would make a difference, nor where an ipBlock might cover the node.
    """

    def concerns(world: World, flow: Flow) -> bool:
        met = ends(world.topology, flow)
        if not any(is_on_host(end) for end in met):
            return False
        source, *targets = met
        if not is_on_host(source) or all(is_on_host(target) for target in targets):
            return True
        return all(_share_node(world.topology, source, target) is False for target in targets)

    return Reading(_has_hosts_and_no_blocks, concerns, _hosts_outside)


def own_host_is_free() -> Reading:
    """A hostNetwork pod reaches every pod of its own node, whatever policy selects it."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = ends(world.topology, flow) or (None,)
        return bool(targets) and is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts, concerns, without_policies)


def own_host_is_policed() -> Reading:
    """A pod polices its own node as any other: a hostNetwork pod there is no exception."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = ends(world.topology, flow) or (None,)
        pods = [target for target in targets if not is_on_host(target)]
        return bool(pods) and pods == targets and is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts_and_no_blocks, concerns, _hosts_outside)


def own_node_is_reached() -> Reading:
    """A pod always reaches its own node, whatever egress rules say."""

    def concerns(world: World, flow: Flow) -> bool:
        source, *targets = ends(world.topology, flow) or (None,)
        hosts = [target for target in targets if is_on_host(target)]
        return bool(hosts) and hosts == targets and not is_on_host(source) and _all_on_node(world, source, targets)

    return Reading(_has_hosts, concerns, without_policies)


def _has_hosts(world: World) -> bool:
    return any(pod.host_network for pod in world.topology.pods.values())


def _has_hosts_and_no_blocks(world: World) -> bool:
    return _has_hosts(world) and not has_blocks(world)


def _hosts_outside(world: World) -> World:
    """Put hostNetwork pods outside the cluster, under their own names, at addresses that no ipBlock covers."""
    hosts = {pod.endpoint: pod for pod in world.topology.pods.values() if pod.host_network}
    pods = {endpoint: pod for endpoint, pod in world.topology.pods.items() if endpoint not in hosts}
    outside = {endpoint: External(endpoint, {}, pod.listeners) for endpoint, pod in hosts.items()}
    topology = replace(world.topology, pods=pods, externals={**world.topology.externals, **outside})
    return world._replace(topology=topology)


def _all_on_node(world: World, source: Pod | External | None, targets: Iterable[Pod | External]) -> bool:
    return isinstance(source, Pod) and all(_share_node(world.topology, source, target) for target in targets)


def _share_node(topology: Topology, one: Pod | External, other: Pod | External) -> bool | None:
    return Placement(topology.pods.values()).share_node(one.endpoint, other.endpoint)


def hairpin_is_free() -> Reading:
    """No policy sees a pod that reaches itself through a Service."""
    return Reading(_has_services, _is_hairpin, without_policies)


def hairpin_is_policed() -> Reading:
    """A pod that reaches itself through a Service is policed as it would be towards another pod like it."""

    def reread(world: World) -> World:
        twins: dict[Endpoint, Pod] = {}
        for pod in world.topology.pods.values():
            twin = replace(pod, name=f"{pod.name}(itself)", ready=pod.ready)
            twins[twin.endpoint] = twin
            twins[pod.endpoint] = replace(pod, ready=False)
        return world._replace(topology=replace(world.topology, pods=twins))

    return Reading(_has_services, _is_hairpin, reread)


def _has_services(world: World) -> bool:
    return bool(world.topology.services)


def _is_hairpin(world: World, flow: Flow) -> bool:
    """Tell whether a flow can only come back: its source is all that answers behind the Service."""
    if flow.via is not Via.SERVICE:
        return False
    source, *targets = ends(world.topology, flow) or (None,)
    return targets == [source] and not is_on_host(source)
