"""Renders a `RunResult`; a reporter takes data and returns a string, the CLI writes it."""
