"""Renders a `RunResult`: a reporter takes data and returns a string, and `files` writes it."""
