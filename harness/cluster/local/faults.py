"""Broken CNIs as data: each real class of bug that the harness must catch.

A fault rewrites what is wanted before the correct compiler sees it, switches an option of the compiler, or
delays it. The sources are those of the semantics dossier: issues of CNI projects, or code that was read.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.cluster.local import misreadings, timelines
from harness.cluster.local.misreadings import Misreading
from harness.cluster.local.selectors import PodIndex
from harness.cluster.local.state import State, policy_key
from harness.cluster.local.timelines import Change, Plan, Rewrite, at_once
from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to be broken: `about` says what goes wrong, `source` where it really did."""

    name: str
    about: str
    source: str
    plan: Plan


def find(name: str) -> Fault:
    """Return the fault called `name`. Raises `UsageError` with the names that come close."""
    if name in FAULTS:
        return FAULTS[name]
    close = difflib.get_close_matches(name, FAULTS, n=3, cutoff=0.5)
    raise UsageError(
        f"no fault is called {name!r}; known: {', '.join(FAULTS)}",
        remedy=f"did you mean {' or '.join(repr(item) for item in close)}?" if close else None,
    )


def _reads(misread: Misreading) -> Plan:
    """Put each policy in force as `misread` takes it."""

    def rewrite(now: State, _: Change) -> State:
        index = PodIndex(now.pods, now.namespaces)
        taken = [misread(policy, index) for policy in now.policies]
        return replace(now, policies=tuple(policy for policy in taken if policy is not None))

    return at_once(rewrite)


def _compiles(**options: Any) -> Plan:
    """Compile with other options than the right ones."""
    return at_once(lambda now, _: replace(now, options=replace(now.options, **options)))


def _no_enforcement(now: State, _: Change) -> State:
    return replace(now, policies=())


def _half_applied(now: State, _: Change) -> State:
    # By order of creation: the numbers of interfaces are never reused.
    return replace(now, exempt=frozenset(pod.interface for pod in now.pods if int(pod.interface[1:]) % 2))


def _isolates_only_one(now: State, _: Change) -> State:
    index = PodIndex(now.pods, now.namespaces)
    selected = [
        sorted(index.in_namespace(policy["metadata"]["namespace"], policy["spec"].get("podSelector")))
        for policy in now.policies
    ]
    lucky = {position for positions in selected for position in positions[1:]}
    kept = {positions[0] for positions in selected if positions}
    return replace(now, exempt=frozenset(now.pods[position].interface for position in lucky - kept))


def _exempts_label(key: str) -> Rewrite:
    return lambda now, _: replace(now, exempt=frozenset(pod.interface for pod in now.pods if key in pod.labels))


def _hides_labels(*keys: str) -> Rewrite:
    def hide(now: State, _: Change) -> State:
        return replace(
            now,
            pods=tuple(
                replace(pod, policy_labels={key: value for key, value in pod.labels.items() if key not in keys})
                for pod in now.pods
            ),
        )

    return hide


def _last_of_each(key: Any) -> Rewrite:
    """Keep one policy for each value of `key`: the last."""
    return lambda now, _: replace(now, policies=tuple({key(policy): policy for policy in now.policies}.values()))


_ALL = (
    Fault(
        "no-enforcement",
        "policies are accepted and have no effect",
        "flannel and canal without a policy agent",
        at_once(_no_enforcement),
    ),
    # -- ports -------------------------------------------------------------------
    Fault(
        "ignores-end-port",
        "of a range only the first port counts",
        "cilium#28684",
        _reads(misreadings.ignores_end_port),
    ),
    Fault(
        "named-port-opens-all",
        "a rule with a named port opens every port",
        "ovn-kubernetes#2117, antrea#241",
        _reads(misreadings.named_port_opens_all),
    ),
    Fault(
        "unresolved-name-opens-all",
        "a port name that nobody has opens every port",
        "kube-router: len(ports)==0 && len(namedPorts)==0 read as all ports",
        _reads(misreadings.unresolved_name_opens_all),
    ),
    Fault(
        "named-port-on-source",
        "port names are looked up on the client",
        "aws-network-policy-controller#52, #71",
        _compiles(names_on_source=True),
    ),
    Fault("named-port-ignored", "port names match nothing", "calico#8881", _reads(misreadings.named_port_ignored)),
    Fault(
        "protocol-ignored",
        "a port of one protocol is open for all protocols",
        "network-policy-api conformance: one port number, three protocols",
        _reads(misreadings.protocol_ignored),
    ),
    Fault(
        "sctp-as-tcp",
        "a rule for SCTP opens TCP",
        "kubernetes e2e: SCTP must never be read as TCP",
        _reads(misreadings.sctp_as_tcp),
    ),
    Fault(
        "udp-unpoliced",
        "UDP passes whatever the policies say",
        "cilium#17459: UDP untouched by policies for minutes",
        _reads(misreadings.udp_unpoliced),
    ),
    Fault(
        "ports-beyond-fifteen-dropped",
        "of a rule's ports only the first fifteen count",
        "limits on ports per rule: iptables multiport, AWS VPC CNI",
        _reads(misreadings.ports_beyond_fifteen_dropped),
    ),
    Fault(
        "protocol-only-unenforced",
        "a policy that names a protocol without a port has no effect",
        "kube-router 79ef16b4",
        _reads(misreadings.protocol_only_unenforced),
    ),
    Fault(
        "service-port-not-target",
        "ports are compared with the Service's port, before translation",
        "aws-network-policy-controller#210",
        _compiles(before_dnat=True),
    ),
    # -- address blocks ----------------------------------------------------------
    Fault("ignores-except", "exceptions of a block are open", "kube-ovn#2206", _reads(misreadings.ignores_except)),
    Fault(
        "except-denies-elsewhere",
        "an exception of one block denies what another peer or policy allows",
        "antrea#367, kube-ovn#3193",
        _compiles(excepts_deny=True),
    ),
    Fault(
        "except-spans-rule",
        "an exception is carved out of every block of its rule",
        "kube-router: all blocks of a rule share one set",
        _reads(misreadings.excepts_span_rule),
    ),
    Fault(
        "ipblock-skips-pods",
        "a block never matches a pod",
        "cilium#9209; allowed by the API, different from most",
        _compiles(blocks_match_pods=False),
    ),
    Fault(
        "ipv6-block-stops-sync",
        "once a policy names an IPv6 block, nothing is programmed any more",
        "kube-router#1245",
        at_once(timelines.ipv6_block_stops_sync),
    ),
    Fault(
        "ipv6-unpoliced",
        "IPv6 passes whatever the policies say",
        "policies programmed for one family of a dual-stack cluster: k3s#10053",
        _compiles(ipv6_policed=False),
    ),
    # -- selectors ---------------------------------------------------------------
    Fault(
        "ors-selectors",
        "of a peer's podSelector and namespaceSelector either is enough",
        "the one-dash mistake, in code",
        _reads(misreadings.ors_selectors),
    ),
    Fault(
        "notin-needs-key",
        "NotIn does not match where the key is missing",
        "the classic modelling error: semantics 1.4",
        _reads(misreadings.notin_needs_key),
    ),
    Fault(
        "ignores-match-expressions",
        "of a selector only matchLabels counts",
        "semantics 1.4: all requirements are ANDed",
        _reads(misreadings.ignores_match_expressions),
    ),
    Fault(
        "pod-selector-in-all-namespaces",
        "a podSelector peer matches pods of other namespaces",
        "semantics 1.5: podSelector alone is the policy's own namespace",
        _reads(misreadings.pod_selector_in_all_namespaces),
    ),
    Fault(
        "empty-namespace-selector-is-own",
        "an empty namespaceSelector means the policy's own namespace",
        "azure-npm#865, ovn-kubernetes#4063",
        _reads(misreadings.empty_namespace_selector_is_own),
    ),
    Fault(
        "empty-selector-selects-nothing",
        "a policy for all pods of a namespace isolates none",
        "semantics 1.3: an empty podSelector is all pods",
        _reads(misreadings.empty_selector_selects_nothing),
    ),
    Fault(
        "empty-set-opens",
        "a peer that is nobody opens the rule to anybody",
        "azure-npm#865: a set that is not there yet",
        _reads(misreadings.empty_set_opens),
    ),
    Fault(
        "host-label-unpoliced",
        "a pod with a label of key host is under no policy",
        "cilium#48027",
        at_once(_exempts_label("host")),
    ),
    Fault(
        "workload-labels-hidden",
        "labels set by workload controllers match nothing",
        "cilium#28003",
        at_once(
            _hides_labels(
                "statefulset.kubernetes.io/pod-name",
                "apps.kubernetes.io/pod-index",
                "pod-template-hash",
                "controller-revision-hash",
            )
        ),
    ),
    # -- rules and policies ------------------------------------------------------
    Fault("forgets-egress", "egress is open", "antrea#574", _reads(misreadings.forgets("Egress"))),
    Fault("forgets-ingress", "ingress is open", "aws-network-policy-agent#271", _reads(misreadings.forgets("Ingress"))),
    Fault(
        "ingress-blocks-egress",
        "a policy for ingress alone blocks egress too",
        "orbstack#2583",
        _reads(misreadings.ingress_blocks_egress),
    ),
    Fault(
        "last-policy-wins",
        "of several policies on a pod only the last counts",
        "semantics 1.1: policies are a union",
        _compiles(last_policy_only=True),
    ),
    Fault(
        "rules-cross-product",
        "the peers of one rule may use the ports of another",
        "antrea#386: conjunction shared by two rules",
        _reads(misreadings.rules_cross_product),
    ),
    Fault(
        "first-accept-ends",
        "what the source's egress allows skips the destination's ingress",
        "k3s#2390, kube-router#916: same-node traffic skipped the second pod",
        _compiles(first_accept_ends=True),
    ),
    Fault(
        "ingress-satisfies-egress",
        "between two pods of a policy with both types, a rule of either direction is enough",
        "kube-router: one chain for both directions",
        _reads(misreadings.ingress_satisfies_egress),
    ),
    Fault(
        "name-collision",
        "namespace x policy ya and namespace xy policy a are one",
        "kube-router: names hashed without a separator",
        at_once(_last_of_each(lambda policy: "".join(policy_key(policy)))),
    ),
    Fault(
        "keyed-by-name-only",
        "policies of one name in several namespaces replace each other",
        "the same class as kube-router's name hashing",
        at_once(_last_of_each(lambda policy: policy_key(policy)[1])),
    ),
    Fault(
        "long-names-unenforced",
        "a policy with a long name has no effect",
        "kube-router 703c8435",
        _reads(misreadings.long_names_unenforced),
    ),
    # -- ways to deny ------------------------------------------------------------
    Fault("rejects", "a denied flow is refused instead of dropped", "kube-router", _compiles(deny="reject")),
    Fault(
        "resets",
        "a denied TCP connection is reset instead of dropped",
        "Calico and Cilium can be set to answer",
        _compiles(deny="reset"),
    ),
    Fault(
        "drops-replies",
        "answers are judged as new flows",
        "kube-network-policies: a reply judged as a new egress flow; cilium#27709",
        _compiles(accepts_established=False),
    ),
    # -- time and memory ---------------------------------------------------------
    Fault("late", "policies come into force 2.5 s late, in order", "kube-router#873, calico#9706", timelines.late),
    Fault(
        "late-out-of-order",
        "policies come 2.5 s late, and later changes overtake them",
        "Cilium, Calico: endpoints programmed out of order",
        timelines.late_out_of_order,
    ),
    Fault(
        "pod-start-leak",
        "a new pod is under no policy for 1.5 s",
        "aws-network-policy-agent#345, kube-network-policies#171",
        timelines.pod_start_leak,
    ),
    Fault("update-gap", "a changed policy is open for 0.8 s", "azure-npm#2963, #1256", timelines.update_gap),
    Fault("flapping", "new and old policies take turns", "Calico with a failing retry", timelines.flapping),
    Fault(
        "half-applied",
        "every second pod is under no policy",
        "openshift svt: active on some nodes only; aws-network-policy-agent#271",
        at_once(_half_applied),
    ),
    Fault(
        "isolates-only-one", "of the pods a policy selects one is isolated", "antrea#381", at_once(_isolates_only_one)
    ),
    Fault(
        "stale-pod-address",
        "policies know a restarted pod by its first address",
        "kube-router#2059, k3s#10053",
        at_once(timelines.stale_pod_address),
    ),
    Fault(
        "ignores-pod-relabel",
        "policies match the labels that a pod started with",
        "cilium#30524: labels of an endpoint never updated",
        at_once(timelines.ignores_pod_relabel),
    ),
    Fault(
        "ignores-namespace-relabel",
        "policies match the labels that a namespace was created with",
        "kube-network-policies: no sweep after a namespace's change",
        at_once(timelines.ignores_namespace_relabel),
    ),
    Fault(
        "deletes-forgotten",
        "deleted policies stay in force",
        "azure-npm#2963, #2977",
        at_once(timelines.deletes_forgotten),
    ),
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _ALL}
