"""Runs one file in one client; the process may die, and nothing but its rows is lost.

    python child.py CLIENT MODEL IMAGES.npy OUTPUTS.npy '{"option": 1}'

A client is a module beside this one. Its `load` opens the file and gives a function from one image, as the
file's input holds it, to the scores. Nothing here imports micronet-edge: the environment does not have it.
"""

import importlib
import json
import sys

import numpy as np

LOADED = "the client has loaded the file"


def main() -> None:
    """Writes the scores [n, classes] of all images, as the client gives them, one image a time."""
    client, model, images, outputs, options = sys.argv[1:]
    run = importlib.import_module(client).load(model, **json.loads(options))
    print(f"\n{LOADED}", flush=True)
    scores = [np.asarray(run(image[None])).reshape(1, -1) for image in np.load(images)]
    np.save(outputs, np.concatenate(scores))


if __name__ == "__main__":
    main()
