// The network: from an image to the probability of each class.

import { MODEL } from "./model.js";
import { prepare } from "./resize.js";

const RUNTIMES = { wasm: "./runtime/ort.wasm.bundle.min.mjs", webgpu: "./runtime/ort.webgpu.bundle.min.mjs" };
const COMMANDS = { wasm: "npm run build", webgpu: "npm run build:webgpu" };
const MOST_THREADS = 4;
const ERRORS_ONLY = 3;

/**
 * Opens the model.
 *
 * @param provider what runs it: "wasm", on the CPU, which is the faster one for small networks, or "webgpu"
 * @throws Error, with a text for users, if the runtime or the model is missing or cannot run here
 */
export async function openClassifier(provider = "wasm") {
  if (!(provider in RUNTIMES)) throw new Error(`Provider ${provider}: give wasm or webgpu.`);
  if (provider === "webgpu" && !navigator.gpu) throw new Error("This browser has no WebGPU: use WASM.");
  const ort = await runtime(provider);
  // Threads share memory, which browsers allow to isolated pages only.
  const threads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, MOST_THREADS) : 1;
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = "error";
  const options = { executionProviders: [provider], logSeverityLevel: ERRORS_ONLY };
  const session = await ort.InferenceSession.create(MODEL.file, options);
  return new Classifier(ort, session, { provider, threads });
}

async function runtime(provider) {
  try {
    return await import(RUNTIMES[provider]);
  } catch {
    throw new Error(`The runtime is missing: run \`${COMMANDS[provider]}\` in the folder of this page.`);
  }
}

class Classifier {
  #ort;
  #session;

  constructor(ort, session, { provider, threads }) {
    this.#ort = ort;
    this.#session = session;
    this.provider = provider;
    this.threads = threads;
  }

  /** What the network sees of an RGBA image {data, width, height}: RGB or grey, {data, width, height, channels}. */
  see(image) {
    return prepare(image, MODEL);
  }

  /** The scores of all classes for what the network sees, as the file gives them. */
  async scores(seen) {
    const [input] = this.#session.inputNames, [output] = this.#session.outputNames;
    const tensor = new this.#ort.Tensor(MODEL.type, inputOf(seen), shapeOf(seen));
    const outputs = await this.#session.run({ [input]: tensor });
    return Array.from(outputs[output].data);
  }

  /** The probability of each class. */
  async probabilities(seen) {
    const scores = await this.scores(seen);
    return MODEL.scores === "softmax" ? scores : softmax(scores);
  }
}

function shapeOf({ width, height, channels }) {
  return MODEL.layout === "NHWC" ? [1, height, width, channels] : [1, channels, height, width];
}

/** The numbers that the file takes: pixel * factor + offset, in the order of its channels and its layout. */
function inputOf({ data, width, height, channels }) {
  const pixels = width * height;
  const values = new { float32: Float32Array, uint8: Uint8Array, int8: Int8Array }[MODEL.type](data.length);
  for (let channel = 0; channel < channels; channel += 1) {
    const from = MODEL.reversed ? channels - 1 - channel : channel;
    const factor = MODEL.factor[channel], offset = MODEL.offset[channel];
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const to = MODEL.layout === "NHWC" ? pixel * channels + channel : channel * pixels + pixel;
      values[to] = data[pixel * channels + from] * factor + offset;
    }
  }
  return values;
}

function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map(score => Math.exp(score - largest));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map(power => power / sum);
}
