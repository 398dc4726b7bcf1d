"""`python -m harness`, the same as the `netpol-harness` program."""

from harness.cli import entry

if __name__ == "__main__":
    entry()
