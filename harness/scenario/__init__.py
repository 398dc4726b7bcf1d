"""Text to `Scenario`, collecting every problem of a file before failing.

May read files (`load` alone does). Knows nothing of clusters, probes or predictions.
"""
