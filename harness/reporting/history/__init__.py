"""Runs over time: kept in an SQLite file, and what changed between them.

A history is a file by nature, so this package, alone among the reporters, opens one: `store` is the door,
`writing` and `reading` speak SQL over the connection that it hands out. Everything else is pure: `records` says
what is kept of a run, `lanes` which runs may be compared, `changes` what a regression is, `overview` puts it
together, and `listing`, `export`, `page` and `issue` return strings like any reporter.
"""
