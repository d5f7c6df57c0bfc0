import pytest
from tflite_networks import calibration_images


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    return calibration_images(tmp_path_factory.mktemp("calibration"))
