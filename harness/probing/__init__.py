"""Asks agents to probe, and decides when the answers have settled.

Knows flows, addresses and answers; never sees an expectation or a prediction, so it
cannot stop at the first answer that pleases.
"""
