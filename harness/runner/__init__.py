"""Executes scenarios against a cluster: brings pods up, applies steps, observes, judges, cleans up.

Emits `Event`s and never knows who listens; prints nothing.
"""
