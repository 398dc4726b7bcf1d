"""The first scenario that `init` writes: small, complete, and green on a cluster that enforces."""

_SCENARIO = """\
# yaml-language-server: $schema=scenario.schema.json
scenario: shop
about: Only the frontend reaches the database, and a stranger reaches neither.
tags: [first]

topology:
  namespaces:
    shop: {labels: {team: shop}}
    guest: {}
  pods:
    shop/frontend: {labels: {tier: frontend}, listen: [8080]}
    shop/db: {labels: {tier: db}, listen: [{port: 5432, name: pg}]}
    guest/visitor: {}

steps:
- name: open
  expect: {default: allow}          # no policy yet: everything reaches everything

- name: segmented
  apply: [policies/shop.yaml]
  expect:
    default: allow
    rules:                          # later rules win
    - deny: "* -> shop/*"
    - allow: "shop/frontend -> shop/db:5432"
"""

_POLICIES = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: default-deny}
spec:
  podSelector: {}
  policyTypes: [Ingress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: frontend-to-db}
spec:
  podSelector: {matchLabels: {tier: db}}
  policyTypes: [Ingress]
  ingress:
  - from: [{podSelector: {matchLabels: {tier: frontend}}}]
    ports: [{port: pg}]
"""

FILES = {"shop.scenario.yaml": _SCENARIO, "policies/shop.yaml": _POLICIES}
