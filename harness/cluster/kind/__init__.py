"""Clusters made by kind: from nothing to a real cluster with a CNI of choice, and back to nothing.

Starts `kind` and a container engine, never a shell; talks to the cluster through `cluster.kubernetes`. What is made
here is told by its name (`netpol`, `netpol-*`): nothing else is ever changed or deleted. The user's own kubeconfig is
neither read nor written.
"""
