"""The vocabulary of profile files: every reading by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.profiles import paths, rules
from harness.profiles.world import Reading

# Those of `WITH_LABELS` take a list of labels, the others nothing.
PLAIN: Mapping[str, Callable[[], Reading]] = {
    "ipblock-never-pods": rules.blocks_without_pods,
    "ipblock-never-nodes": rules.blocks_without_nodes,
    "inert-rules-isolate": rules.rules_count_without_their_type,
    "negative-namespace-selects-all": rules.negative_namespaces_are_everywhere,
    "endport-ignored": rules.ranges_without_end,
    "named-egress-of-one-number": rules.named_egress_needs_one_number,
    "hostnetwork-is-node": paths.hosts_are_nodes,
    "own-host-free": paths.own_host_is_free,
    "own-host-policed": paths.own_host_is_policed,
    "own-node-reached": paths.own_node_is_reached,
    "hairpin-free": paths.hairpin_is_free,
    "hairpin-policed": paths.hairpin_is_policed,
}
WITH_LABELS: Mapping[str, Callable[[Sequence[str]], Reading]] = {
    "labels-unseen": rules.labels_unseen,
    "labels-free": rules.labels_free,
    "labels-cut": rules.labels_cut,
}
