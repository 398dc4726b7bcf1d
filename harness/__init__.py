"""netpol-harness: proof, for each allow and each deny, that a cluster obeys its NetworkPolicies.

The architecture, top to bottom; a line imports only lines below it, and names on one
line are strangers to each other (kept by import-linter, see pyproject.toml):

    cli | pytest_plugin                        arguments -> objects -> exit code
    api                                        worlds for tests in Python
    runner                                     executes plans, owns cleanup, emits events
    cluster | probing | reporting              effects: clusters, probes, reports
    forecast | profiles                        what to expect of a scenario, and of a CNI
    scenario | semantics | plan | placement    pure decisions (scenario.load reads files)
    judge | manifests                          pure, too
    model                                      every record that crosses a boundary
    errors

Three matrices meet in `judge`: declared (scenario), predicted (semantics), observed
(probing). The local data plane (`cluster.local`) and the prober never see the other two.
"""

__version__ = "0.1.0"
