"""Any real cluster behind a kubeconfig: the only package that talks to an API server.

Objects are plain dicts on the way in and out; the client library's own models would refuse fields newer than itself.
Nothing here imports that library before a cluster is opened, and nothing here knows what is expected of a policy.
"""
