"""The embedded cluster: pods are Linux network namespaces, policies are nftables rules.

An emulator with real packets and real sockets; never evidence about a CNI. What leads where:

    provider -> netns.sandbox, router     namespaces that die with the harness, and the router between the pods
    cluster  -> store -> validation       the six verbs, and objects as an API server keeps them
             -> addressing, netns.cables  who gets which address, and the cables as lines for ip
             -> reading -> state          stored objects to what the compiler takes
             -> enforcement -> ruleset    states to one nft transaction (selectors, ranges, services)
                            -> faults     broken CNIs: misreadings of policies, timelines of changes
    requirements                          what this machine lacks

Policies stay plain dicts from the manifest to the rules: nothing here shares an idea of matching with the predictor.
"""
