import pytest
from cli.command import shared, shared_digits
from example_images import digits as images


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    """The folder of the exported files."""
    return shared_digits(tmp_path_factory) / "files"


@pytest.fixture(scope="session")
def digit_images(tmp_path_factory):
    """The digits as files, in order of their names."""
    folder = shared(tmp_path_factory, "digit-images", images.write_images)
    return images.image_paths("test", folder)
