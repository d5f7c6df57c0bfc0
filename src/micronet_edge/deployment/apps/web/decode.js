// Decodes an image file to its pixels as they are stored.

const MOST_PER_SHORTEST = 1000;
const AS_STORED = { colorSpaceConversion: "none", premultiplyAlpha: "none" };

/**
 * The pixels of an image file, RGBA with 8 bits each.
 *
 * As in training and in `micronet-edge evaluate`, neither the orientation in EXIF nor a colour profile is applied.
 *
 * @throws Error, with a text for users, on what is no image
 */
export async function decode(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(await withoutOrientation(blob), AS_STORED);
  } catch {
    throw new Error(`${blob.name ?? "This"} is no image that this browser can read.`);
  }
  try {
    const { width, height } = bitmap;
    if (Math.max(width, height) > MOST_PER_SHORTEST * Math.min(width, height)) {
      throw new Error(`${width} × ${height} pixels are too narrow for a crop.`);
    }
    return pixelsOf(bitmap);
  } finally {
    bitmap.close();
  }
}

/** The pixels of a bitmap or of a video's present frame. */
export function pixelsOf(source) {
  const width = source.videoWidth ?? source.width, height = source.videoHeight ?? source.height;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  const image = context.getImageData(0, 0, width, height);
  return isOpaque(image.data) ? image : (storedPixels(source, width, height) ?? image);
}

function isOpaque(data) {
  for (let place = 3; place < data.length; place += 4) if (data[place] !== 255) return false;
  return true;
}

/** The pixels of an image with transparency; a 2D canvas multiplies them with it, and loses what is behind it. */
function storedPixels(source, width, height) {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!gl || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
  gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
  gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, source);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const data = new Uint8ClampedArray(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return { data, width, height };
}

/**
 * The file with its EXIF data hidden. Browsers turn images as EXIF says, and have no option against it:
 * what `imageOrientation: "none"` once meant is gone.
 */
async function withoutOrientation(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer()), view = new DataView(bytes.buffer);
  const text = (start, end) => String.fromCharCode(...bytes.subarray(start, end));
  if (text(0, 2) === "\xff\xd8") hideInJpeg(bytes, view);
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") hideInWebp(bytes, view, text);
  if (text(1, 4) !== "PNG") return new Blob([bytes]);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    if (text(at + 4, at + 8) === "eXIf") {
      return new Blob([bytes.subarray(0, at), bytes.subarray(at + 12 + view.getUint32(at))]);
    }
  }
  return new Blob([bytes]);
}

function hideInJpeg(bytes, view) {
  const EXIF = 0xe1, SCAN = 0xda, UNUSED = 0xef;
  for (let at = 2; at + 4 <= bytes.length && bytes[at + 1] !== SCAN; at += 2 + view.getUint16(at + 2)) {
    if (bytes[at + 1] === EXIF) bytes[at + 1] = UNUSED;
  }
}

function hideInWebp(bytes, view, text) {
  for (let at = 12; at + 8 <= bytes.length; ) {
    if (text(at, at + 4) === "EXIF") bytes.set([0x4a, 0x55, 0x4e, 0x4b], at); // "JUNK", which readers skip
    const size = view.getUint32(at + 4, true);
    at += 8 + size + (size % 2);
  }
}
