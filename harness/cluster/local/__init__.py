"""The embedded cluster: pods are Linux network namespaces, policies are nftables rules.

An emulator with real packets and real sockets; never evidence about a CNI.
"""
