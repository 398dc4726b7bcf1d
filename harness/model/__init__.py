"""Every record that crosses a boundary.

Frozen values with no verbs beyond themselves: no I/O, no clock, no randomness, no
knowledge of YAML, of a cluster or of a report. Anything above may import this package;
it imports only `harness.errors`.
"""
