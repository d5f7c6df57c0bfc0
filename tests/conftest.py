"""What every test runs under: one thread, reproducible property tests."""

import pytest
import torch
from hypothesis import settings

# pytest-xdist runs a worker per core; more threads would only get in each other's way.
torch.set_num_threads(1)

# A first call can be slow, so no deadline; the same examples on every machine.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture
def refusal():
    """Calls what must be refused; gives the message, which is one line."""

    def call(kind, function, *args, **settings):
        with pytest.raises(kind) as caught:
            function(*args, **settings)
        message = str(caught.value)
        assert "\n" not in message
        return message

    return call


def pytest_collection_modifyitems(items):
    """The README's commands come first: they take longest, and at the end all other workers would wait."""
    items.sort(key=lambda item: item.path.name != "test_readme.py")
