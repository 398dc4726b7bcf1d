"""The three engines held to one another, over real packets and every way of denying them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from conftest import CLOSED, CUT, DROPPED, LISTENING, OPEN, PROHIBITED, REJECTED, RESET, SILENCED, Lab
