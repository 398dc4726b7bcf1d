"""Two runs side by side: which flows differ, which only one has, and which cluster was faster.

`contrast` compares, as pure data; `listing`, `export` and `page` return strings like any reporter.
"""
