"""The state after each step: topology, policies as stored, and what was read of the manifests."""

from collections.abc import Callable

from harness.model.flow import Family, L4Protocol, Via
from harness.model.policy import Direction
from harness.model.scenario import ObjectRef
from harness.model.topology import Listener, Namespace, NodePlacement, ProbeSettings, Relabel, ServicePort

_HEAD = """\
scenario: shop
about: One sentence.
topology:
  namespaces: {shop: {labels: {team: shop}}, guest: }
  pods:
    shop/web: {labels: {tier: web}, listen: [8080, 9090/UDP, {port: 90, name: adm, protocol: TCP}], replicas: 2}
    shop/db: {labels: {tier: db}, listen: [5432], node: same-as shop/web-0, ready: false}
    guest/visitor:
  services: {shop/db: {selector: {tier: db}, ports: [80, {port: 81, targetPort: pg, protocol: UDP, name: x}]}}
  externals: {office: {addresses: ["2001:DB8::0010", 203.0.113.10]}}
"""
_STEP = "steps:\n- name: one\n  expect: predicted\n"


def _policy(spec: str, name: str = "rules") -> str:
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )


def test_pods_of_a_group_are_numbered_and_keep_its_name(loaded: Callable) -> None:
    """`replicas: 2` makes two pods, numbered from 0, and `group` is the name that was written."""
    pods = loaded(_HEAD + _STEP).topology.pods

    assert {pod.endpoint: pod.group for pod in pods.values()} == {
        "shop/web-0": "web",
        "shop/web-1": "web",
        "shop/db": "db",
        "guest/visitor": "visitor",
    }


def test_a_pod_has_what_was_written(loaded: Callable) -> None:
    """Ports in every form, placement and readiness come through."""
    pods = loaded(_HEAD + _STEP).topology.pods

    assert pods["shop/web-1"].listeners == (
        Listener(8080),
        Listener(9090, L4Protocol.UDP),
        Listener(90, L4Protocol.TCP, "adm"),
    )
    assert (pods["shop/db"].node, pods["shop/db"].ready) == (NodePlacement(same=True, other="shop/web-0"), False)


def test_a_namespace_carries_its_own_name_as_a_label(loaded: Callable) -> None:
    """Every cluster sets kubernetes.io/metadata.name, so every namespace here has it."""
    namespaces = loaded(_HEAD + _STEP).topology.namespaces

    assert namespaces["shop"] == Namespace("shop", {"team": "shop", "kubernetes.io/metadata.name": "shop"})


def test_a_services_target_port_is_its_port_unless_written(loaded: Callable) -> None:
    """A number alone is port and targetPort at once."""
    service = loaded(_HEAD + _STEP).topology.services["shop/db"]

    assert service.ports == (ServicePort(80, 80), ServicePort(81, "pg", L4Protocol.UDP, "x"))


def test_addresses_of_externals_are_in_their_usual_spelling(loaded: Callable) -> None:
    """One address a family, written as RFC 5952 says, so that texts can be compared."""
    external = loaded(_HEAD + _STEP).topology.externals["office"]

    assert external.addresses == {Family.IPV6: "2001:db8::10", Family.IPV4: "203.0.113.10"}


def test_probing_defaults_to_pods_over_ipv4(loaded: Callable) -> None:
    """Without `probe`, every listener is tried by its pod's IPv4 address."""

    assert loaded(_HEAD + _STEP).probe == ProbeSettings((Via.POD,), tuple(L4Protocol), (Family.IPV4,))


def test_changes_happen_in_the_order_of_the_format(loaded: Callable) -> None:
    """A step adds, removes, relabels, and then applies; its topology is the state afterwards."""
    scenario = loaded(
        _HEAD
        + """\
steps:
- name: one
  relabel: {lab: {team: lab}, lab/probe: {tier: null, new: x}, shop/web: {tier: front}}
  remove: [shop/db, guest]
  add: {namespaces: {lab: {}}, pods: {lab/probe: {labels: {tier: a}, listen: [80]}}}
  restart: [shop/web]
  wait: 500ms
  expect: predicted
"""
    )
    step = scenario.steps[0]

    assert list(step.topology.pods) == ["shop/web-0", "shop/web-1", "lab/probe"]
    assert step.topology.namespaces["lab"].labels["team"] == "lab"
    assert step.topology.pods["lab/probe"].labels == {"new": "x"}
    assert (step.remove, step.restart) == (("shop/db", "guest"), ("shop/web-0", "shop/web-1"))
    assert step.relabel[-2:] == (Relabel("shop/web-0", {"tier": "front"}), Relabel("shop/web-1", {"tier": "front"}))
    assert (step.wait_s, step.declared) == (0.5, None)
    assert list(scenario.topology.pods) == ["shop/web-0", "shop/web-1", "shop/db", "guest/visitor"]


def test_waits_are_seconds(loaded: Callable) -> None:
    """A number is seconds; text has its unit."""
    waits = ["2s", "500ms", "1.5", "1m", "0"]
    steps = "".join(f"- name: s{wait}\n  wait: {wait}\n  expect: predicted\n" for wait in waits)

    assert [step.wait_s for step in loaded(_HEAD + "steps:\n" + steps).steps] == [2, 0.5, 1.5, 60, 0]


def test_policies_are_as_the_server_stores_them(loaded: Callable) -> None:
    """A policy created without egress keeps [Ingress] when egress rules are applied later (KEP 555)."""
    scenario = loaded(
        _HEAD + "steps:\n" + "".join(f"- name: {n}\n  apply: [{n}.yaml]\n  expect: predicted\n" for n in "abcd"),
        a_yaml=_policy("{podSelector: {}}"),
        b_yaml=_policy("{podSelector: {}, egress: [{}]}"),
        c_yaml=_policy("{podSelector: {}, policyTypes: [Egress], egress: [{}]}"),
        d_yaml=_policy("{podSelector: {}, egress: [{}]}"),
    )

    assert [step.policies[0].policy_types for step in scenario.steps] == [
        (Direction.INGRESS,),
        (Direction.INGRESS,),
        (Direction.EGRESS,),
        (Direction.INGRESS, Direction.EGRESS),
    ]
    assert scenario.steps[1].apply[0].policy.policy_types == (Direction.INGRESS, Direction.EGRESS)


def test_deleted_policies_are_gone_and_can_come_back_afresh(loaded: Callable) -> None:
    """Delete comes before apply, and what is created anew remembers nothing."""
    scenario = loaded(
        _HEAD
        + """\
steps:
- {name: one, apply: [a.yaml], expect: predicted}
- {name: two, delete: [NetworkPolicy/shop/rules], apply: [b.yaml], expect: predicted}
- {name: three, delete: [NetworkPolicy/shop/rules], expect: predicted}
""",
        a_yaml=_policy("{podSelector: {}}"),
        b_yaml=_policy("{podSelector: {}, egress: [{}]}"),
    )

    assert [[policy.policy_types for policy in step.policies] for step in scenario.steps] == [
        [(Direction.INGRESS,)],
        [(Direction.INGRESS, Direction.EGRESS)],
        [],
    ]
    assert scenario.steps[1].delete == (ObjectRef("NetworkPolicy", "shop", "rules"),)


def test_a_manifest_is_what_its_author_wrote(loaded: Callable) -> None:
    """The document is plain data without defaults, and its place is in its own file; lists are opened."""
    text = _policy("{podSelector: {}, ingress: null}")
    listed = (
        "---\napiVersion: v1\nkind: List\nitems:\n- "
        + _policy("{podSelector: {}}", "other").replace("\n", "\n  ").rstrip()
        + "\n"
    )
    first, second = (
        loaded(_HEAD + "steps:\n- {name: one, apply: [a.yaml], expect: predicted}\n", a_yaml=text + listed)
        .steps[0]
        .apply
    )

    assert first.document == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "rules", "namespace": "shop"},
        "spec": {"podSelector": {}, "ingress": None},
    }
    assert (second.ref, second.location.line, second.location.column) == (
        ObjectRef("NetworkPolicy", "shop", "other"),
        9,
        3,
    )
    assert second.location.file.endswith("a.yaml")


def test_variables_may_name_what_the_step_brings(loaded: Callable) -> None:
    """An address variable is looked up in the topology of its own step."""
    scenario = loaded(
        _HEAD + "steps:\n- name: one\n  add: {pods: {guest/new: {}}}\n  apply: [a.yaml]\n  expect: predicted\n",
        a_yaml=_policy(
            '{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "${network:guest/new/24}", '
            'except: ["${address:office}/32"]}}]}]}'
        ),
    )

    assert scenario.steps[0].policies[0].ingress[0].peers[0].ip_block.cidr.endpoint == "guest/new"


def test_a_group_has_no_address(refused: Callable) -> None:
    """A variable names one pod, not a group of them."""
    faults = refused(
        _HEAD + "steps:\n- {name: one, apply: [a.yaml], expect: predicted}\n",
        a_yaml=_policy('{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "${address:shop/web}/32"}}]}]}'),
    )

    assert faults == [
        "no pod or external 'shop/web' at this point; there are: shop/web-0, shop/web-1, shop/db, guest/visitor, office"
    ]
