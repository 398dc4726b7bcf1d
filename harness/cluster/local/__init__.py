"""The embedded cluster: pods are Linux network namespaces, policies are nftables rules.

An emulator with real packets and real sockets; never evidence about a CNI. What leads where:

    provider -> sandbox -> supervisor     namespaces that die with the harness, and PID 1 inside them
    cluster  -> store -> validation       the six verbs, and objects as an API server keeps them
             -> addressing, netns         who gets which address, and the cables as lines for ip
             -> reading -> state          stored objects to what the compiler takes
             -> enforcement -> ruleset    states to one nft transaction (selectors, ranges, services)
                            -> faults     broken CNIs: misreadings of policies, timelines of changes
    channel, leftovers, requirements      a line to an agent; what dead runs left; what this machine lacks

Policies stay plain dicts from the manifest to the rules: nothing here shares an idea of matching with the predictor.
"""
