// Resizes and crops as Pillow does, to the last bit: what the network was tested with.
//
// Pillow resizes in two passes, across and then down. Each pass weighs the pixels around the centre of the new
// pixel with a filter that is widened when shrinking, in fixed point with 22 fractional bits, and rounds to 8 bits.

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
  const plain = how.grey ? grey(image, rows) : rgb(image, rows);
  return passDown(passAcross(plain, across), down, rows.first);
}

function scaledSize({ width, height }, how) {
  const long = how.resize * how.width, short = how.size;
  if (height * long < width * short * how.resize) {
    return { width: Math.floor((how.resize * width) / height), height: how.resize };
  }
  return { width: Math.floor(long / short), height: Math.floor((long * height) / (short * width)) };
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
    const raw = Array.from({ length: end - first }, (_, x) => filter.weight((x + first - centre + 0.5) * (1 / stretch)));
    const sum = raw.reduce((total, each) => total + each, 0);
    return { first, factors: Int32Array.from(raw, each => fixedPoint(each / sum)) };
  });
}

function fixedPoint(weight) {
  return Math.trunc(weight * ONE + (weight < 0 ? -0.5 : 0.5));
}

/** The colours of the rows that count, without transparency: what is behind it stands in the file all the same. */
function rgb({ data, width }, { first, end }) {
  const pixels = new Uint8Array((end - first) * width * 3);
  for (let from = first * width * 4, to = 0; to < pixels.length; from += 4, to += 3) {
    pixels[to] = data[from];
    pixels[to + 1] = data[from + 1];
    pixels[to + 2] = data[from + 2];
  }
  return { data: pixels, width, height: end - first, channels: 3 };
}

/** Grey as eyes weigh colours (ITU-R 601-2), in Pillow's fixed point. */
function grey({ data, width }, { first, end }) {
  const pixels = new Uint8Array((end - first) * width);
  for (let from = first * width * 4, to = 0; to < pixels.length; from += 4, to += 1) {
    pixels[to] = (data[from] * 19595 + data[from + 1] * 38470 + data[from + 2] * 7471 + 0x8000) >> 16;
  }
  return { data: pixels, width, height: end - first, channels: 1 };
}

function passAcross({ data, width, height, channels }, across) {
  const pixels = new Uint8ClampedArray(height * across.length * channels);
  let to = 0;
  for (let row = 0; row < height; row += 1) {
    for (const { first, factors } of across) {
      const start = (row * width + first) * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        pixels[to++] = weighted(data, start + channel, channels, factors);
      }
    }
  }
  return { data: pixels, width: across.length, height, channels };
}

/** `firstRow` is the image's row with which the given pixels start. */
function passDown({ data, width, channels }, down, firstRow) {
  const stride = width * channels;
  const pixels = new Uint8ClampedArray(down.length * stride);
  let to = 0;
  for (const { first, factors } of down) {
    for (let place = 0; place < stride; place += 1) {
      pixels[to++] = weighted(data, (first - firstRow) * stride + place, stride, factors);
    }
  }
  return { data: pixels, width, height: down.length, channels };
}

/** A sum in fixed point, rounded; the array that takes it clips it to 0..255. */
function weighted(data, start, step, factors) {
  let sum = HALF;
  for (let index = 0, place = start; index < factors.length; index += 1, place += step) {
    sum += data[place] * factors[index];
  }
  return sum >> FRACTIONAL_BITS;
}
