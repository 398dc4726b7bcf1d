"""What can be known of a real cluster before a run: asked here, judged here, and told as checks with their remedies.

Writes nothing but one namespace of the run's own, which it deletes again. `findings`, `room` and the table in
`permissions` are pure; the others ask the API server.
"""
