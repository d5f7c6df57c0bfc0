// Resizes and crops as Pillow does, to the last bit: what the network was tested with.
//
// Pillow resizes in two passes, mostly across and then down. Each pass weighs the pixels around the centre of the new
// pixel with a filter that is widened when shrinking, in fixed point with 22 fractional bits, and rounds to 8 bits.

const RGBA = 4;
const COLORS = 3;
const FRACTIONAL_BITS = 22;
const ONE = 1 << FRACTIONAL_BITS;
const HALF = 1 << (FRACTIONAL_BITS - 1);

const FILTERS = {
  bilinear: { reach: 1, weight: x => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: x => cubic(Math.abs(x)) },
};

function cubic(x) {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/**
 * The pixels that the network sees: the image is scaled until it covers the crop, and cut to its centre.
 *
 * @param image {data, width, height}: RGBA, 8 bits each, as ImageData has them; A is dropped
 * @param how {size, width, resize, interpolation, grey}: of the crop in pixels, as the model's file says
 * @returns {data, width, height, channels}: RGB, or one channel of grey, row by row
 */
export function prepare(image, how) {
  const scaled = scaledSize(image, how);
  const left = roundHalfToEven((scaled.width - how.width) / 2);
  const top = roundHalfToEven((scaled.height - how.size) / 2);
  const filter = FILTERS[how.interpolation];
  const down = weights(filter, image.height, scaled.height, top, how.size);
  const across = weights(filter, image.width, scaled.width, left, how.width);
  const rows = { first: down[0].first, end: down.at(-1).first + down.at(-1).factors.length };
  const pixels = how.grey ? grey(cutRows(image, rows)) : cutRows(image, rows);
  const data = isHeightFirst(image, scaled)
    ? passAcross({ data: passDown(pixels.data, down, RGBA * image.width), width: image.width, height: how.size }, across)
    : passDown(passAcross(pixels, across), down, COLORS * how.width);
  if (!how.grey) return { data, width: how.width, height: how.size, channels: COLORS };
  const one = data.filter((_, place) => place % COLORS === 0);
  return { data: one, width: how.width, height: how.size, channels: 1 };
}

function scaledSize({ width, height }, how) {
  const long = how.resize * how.width, short = how.size;
  if (height * long < width * short * how.resize) {
    return { width: Math.floor((how.resize * width) / height), height: how.resize };
  }
  return { width: Math.floor(long / short), height: Math.floor((long * height) / (short * width)) };
}

/** Pillow 13 begins with the height where that loses more than twice the pixels that the width does. */
function isHeightFirst(image, scaled) {
  const lower = image.height - scaled.height, narrower = image.width - scaled.width;
  return lower > 0 && lower > 2 * narrower;
}

function roundHalfToEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 ? down + 1 : down;
}

/** For each new pixel from `start` on: the first old pixel that counts, and how much it and the next ones do. */
function weights(filter, before, after, start, count) {
  const scale = before / after, stretch = Math.max(scale, 1), support = filter.reach * stretch;
  return Array.from({ length: count }, (_, index) => {
    if (before === after) return { first: start + index, factors: Int32Array.of(ONE) };
    const centre = (start + index + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), before);
    const weight = (_, x) => filter.weight((x + first - centre + 0.5) * (1 / stretch));
    const raw = Array.from({ length: end - first }, weight);
    const sum = raw.reduce((total, each) => total + each, 0);
    return { first, factors: Int32Array.from(raw, each => fixedPoint(each / sum)) };
  });
}

function fixedPoint(weight) {
  return Math.trunc(weight * ONE + (weight < 0 ? -0.5 : 0.5));
}

/** The rows that count: `first` up to `end`. */
function cutRows({ data, width }, { first, end }) {
  return { data: data.subarray(first * width * RGBA, end * width * RGBA), width, height: end - first };
}

/** In all three colours: grey as eyes weigh them (ITU-R 601-2), in Pillow's fixed point. */
function grey({ data, width, height }) {
  const pixels = new Uint8ClampedArray(data.length);
  for (let at = 0; at < data.length; at += RGBA) {
    pixels.fill((data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16, at, at + COLORS);
  }
  return { data: pixels, width, height };
}

/** From RGBA to RGB: transparency is dropped, what is behind it stands in the file all the same. */
function passAcross({ data, width, height }, across) {
  const pixels = new Uint8ClampedArray(height * across.length * COLORS); // it clips to 0..255
  for (let row = 0, to = 0; row < height; row += 1) {
    for (let column = 0; column < across.length; column += 1) {
      const { first, factors } = across[column];
      let red = HALF, green = HALF, blue = HALF; // in whole numbers of 32 bits (| 0), which are fast
      for (let index = 0, at = (row * width + first) * RGBA; index < factors.length; index += 1, at += RGBA) {
        const factor = factors[index];
        red = (red + Math.imul(data[at], factor)) | 0;
        green = (green + Math.imul(data[at + 1], factor)) | 0;
        blue = (blue + Math.imul(data[at + 2], factor)) | 0;
      }
      pixels[to++] = red >> FRACTIONAL_BITS;
      pixels[to++] = green >> FRACTIONAL_BITS;
      pixels[to++] = blue >> FRACTIONAL_BITS;
    }
  }
  return pixels;
}

/** The rows in `data`, of `stride` bytes each, start with the first that counts. */
function passDown(data, down, stride) {
  const pixels = new Uint8ClampedArray(down.length * stride);
  let to = 0;
  for (const { first, factors } of down) {
    const start = (first - down[0].first) * stride;
    for (let place = 0; place < stride; place += 1) {
      let sum = HALF;
      for (let index = 0, at = start + place; index < factors.length; index += 1, at += stride) {
        sum = (sum + Math.imul(data[at], factors[index])) | 0;
      }
      pixels[to++] = sum >> FRACTIONAL_BITS;
    }
  }
  return pixels;
}
