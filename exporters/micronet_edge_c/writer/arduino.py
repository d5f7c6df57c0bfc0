"""The Arduino library of a network: its files, the kernels and a sketch, as one zip file.

The layout is that of the library specification, revision 2.2:
https://arduino.github.io/arduino-cli/latest/library-specification
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from micronet_edge.data.metadata import tool_version
from micronet_edge_c.writer.board_check import difference, example_arrays
from micronet_edge_c.writer.c_file import Named

SKETCH = "Classify"
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the zip, so that the same network gives the same bytes."""
_READABLE_BY_ALL = 0o644 << 16
_FOR_SPEED = b"""\
/* The cores of Arduino compile for size, which takes a Cortex-M4 a sixth more instructions. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2")
#endif

"""

Example = tuple[NDArray[np.generic], NDArray[np.generic]]
"""An image as the network takes it, [height, width, channels], and its scores, [classes]."""


def arduino_library(named: Named, sources: Mapping[str, bytes], example: Example) -> bytes:
    """The zip file that the Arduino IDE adds as a library.

    Args:
        named: the program.
        sources: the C file, its header and the kernels, by name.
        example: what the sketch classifies.
    """
    sketch = f"examples/{SKETCH}"
    files = {
        "library.properties": _properties(named).encode(),
        **{f"src/{name}": _source(name, content) for name, content in sources.items()},
        f"{sketch}/{SKETCH}.ino": _sketch(named, example[1]).encode(),
        f"{sketch}/image.h": f"{example_arrays(named, *example)}\n".encode(),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"{named.name}/{name}", _EARLIEST)
            entry.external_attr = _READABLE_BY_ALL
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _source(name: str, content: bytes) -> bytes:
    return _FOR_SPEED + content if name.endswith(".c") else content


def _properties(named: Named) -> str:
    image, classes = named.program.image, named.program.scores.elements
    return f"""\
name={named.name}
version={tool_version()}
author=micronet-edge
maintainer=micronet-edge
sentence=Classifies images of {image.width} x {image.height} pixels into {classes} classes.
paragraph=A MicroNet in C, for boards with a 32-bit core. Written by micronet-edge.
category=Data Processing
url=https://arxiv.org/abs/2108.05894
architectures=*
includes={named.stem}.h
"""


def _sketch(named: Named, scores: NDArray[np.generic]) -> str:
    name, prefix = named.name, named.prefix
    return f"""\
// Classifies the image in image.h again and again. Prints PASS if this board computes the right scores,
// the label and the time (serial monitor at 115200 baud). Blinks once for class 0, twice for class 1, ...

#define {prefix}_LABELS
#include <{named.stem}.h>

#include "image.h"

static {named.program.scores.ctype} scores[{prefix}_OUTPUTS];
alignas(16) static uint8_t arena[{prefix}_ARENA_BYTES];

static bool scoresAreRight() {{
  for (int i = 0; i < {prefix}_OUTPUTS; i++) {{
    if ({difference(named, scores)}) {{
      return false;
    }}
  }}
  return true;
}}

static void blink(int times) {{
  for (int i = 0; i < times; i++) {{
    digitalWrite(LED_BUILTIN, HIGH);
    delay(200);
    digitalWrite(LED_BUILTIN, LOW);
    delay(300);
  }}
}}

void setup() {{
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
}}

void loop() {{
  const unsigned long start = micros();
  {name}_run(image, scores, arena);  // in place of image: the pixels of your camera
  const unsigned long end = micros();

  const int best = {name}_argmax(scores);
  Serial.print(scoresAreRight() ? "PASS: " : "FAIL: ");
  Serial.print({name}_labels[best]);
  Serial.print(", ");
  Serial.print(end - start);
  Serial.println(" microseconds");

  blink(best % 10 + 1);  // of large numbers the last digit
  delay(2000);
}}
"""
