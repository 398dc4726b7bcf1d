"""Processes in network namespaces of this machine, around a router, that die with the harness.

Knows no Kubernetes object and no policy. Who uses it decides what the router is: a namespace of the sandbox's own (the
embedded cluster), or one that leads somewhere (externals of a real cluster).

    sandbox -> supervisor     the namespaces, and PID 1 inside them, which starts hosts with an agent each
    cables                    between a host and the router, as lines for ip
    channel                   a line to an agent
    marker -> leftovers       whose a sandbox is; what dead runs left
"""
