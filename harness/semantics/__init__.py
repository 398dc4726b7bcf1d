"""The predictor: the NetworkPolicy rules as pure functions.

Computes what the published semantics say, three-valued. It never influences probing,
and the local data plane never consults it: each checks the other.
"""
