// onnxruntime-web's WebAssembly in node: node onnx_runtime_web.mjs MODEL IMAGES.npy OUTPUTS.npy OPTIONS
// It stands in the folder whose node_modules has the package.
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [modules, model, images, outputs] = process.argv.slice(2);
const ort = createRequire(join(modules, "package.json"))("onnxruntime-web");
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

function readNpy(path) {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString("latin1", 10, start);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((each) => each.trim()).map(Number);
  const type = header.match(/'descr': '([^']*)'/)[1];
  const content = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  return { shape, type, values: type === "|u1" ? new Uint8Array(content) : new Float32Array(content) };
}

function writeNpy(path, rows, columns, values) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  const header = text.padEnd(128 - 10 - 1) + "\n";
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header, "latin1"), Buffer.from(values.buffer)]));
}

const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
console.log("\nthe client has loaded the file");
const given = readNpy(images);
const [count, ...shape] = given.shape;
const step = shape.reduce((product, each) => product * each, 1);
const scores = [];
for (let at = 0; at < count; at += 1) {
  const image = given.values.slice(at * step, (at + 1) * step);
  const type = given.type === "|u1" ? "uint8" : "float32";
  const results = await session.run({ [session.inputNames[0]]: new ort.Tensor(type, image, [1, ...shape]) });
  scores.push(...results[session.outputNames[0]].data);
}
writeNpy(outputs, count, scores.length / count, Float32Array.from(scores));
