"""The cluster port and its adapters: the only package that touches a cluster or starts a program.

Imports no `semantics`, `judge` or `scenario`: a cluster that consulted the predictor
would only prove that we agree with ourselves.
"""
