"""The canvas's server, as its tests use it."""

import pytest

from space.canvas.server import CanvasServer
from space.services import Services


@pytest.fixture
def server(services: Services) -> CanvasServer:
    return CanvasServer(services)
