"""Hosts outside a cluster, for its scenarios' externals: network namespaces of this machine behind a router of its own.

The router is a network namespace that exists already: it reaches the cluster's pods and nodes, and the nodes route the
documentation prefixes to it. Each host adds a cable and its routes, which go with the harness; nothing else is changed.

    opening -> netns.sandbox     what must be there; the sandbox that joins the router
    outside                      the verbs for `External` objects, and waiting for addresses that others have
    claims                       which objects share a host, and which cannot be there at the same time
    reach                        whether hosts outside and a cluster's nodes find each other
"""
