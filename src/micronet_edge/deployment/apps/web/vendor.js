// Copies what the page needs of onnxruntime-web beside it, so that it works offline: `npm run build`.

import { copyFileSync, mkdirSync, rmSync } from "node:fs";

const FILES = {
  wasm: ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"],
  webgpu: ["ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"],
};

mkdirSync("runtime", { recursive: true });
for (const file of process.argv.slice(2).flatMap(provider => FILES[provider])) {
  copyFileSync(`node_modules/onnxruntime-web/dist/${file}`, `runtime/${file}`);
}
rmSync("node_modules", { recursive: true }); // 140 MB, no longer needed
