// Draws what the page shows. Labels are put in as text alone: nothing in them is obeyed.

import { MODEL } from "./model.js";

const SHOWN = 5;
const byId = id => document.getElementById(id);
let address = null;

/** The model in the page's head; the app in place of the note for pages that are opened as files. */
export function showDescription() {
  const { name, precision, width, size, grey, labels } = MODEL;
  byId("title").textContent = name;
  const pixels = grey ? "grey pixels" : "pixels";
  byId("about").textContent = `${precision}, ${width} × ${size} ${pixels}, ${labels.length} classes`;
  document.title = `${name}: image classifier`;
  byId("unserved").hidden = true;
  byId("app").hidden = false;
}

/** That images can be given; or that none can, and why. */
export function showReady(error = null) {
  byId("file").disabled = byId("camera").disabled = error !== null;
  byId("empty").textContent = "The most likely classes appear here. Images stay on this device.";
  byId("answer").hidden = error !== null;
  showMessage(error && error.message);
}

/** A line of what went wrong; null for nothing. */
export function showMessage(text) {
  byId("message").hidden = text === null;
  byId("message").textContent = text ?? "";
}

/** What is classified: a file, a camera's stream, or nothing. */
export function showSource(source) {
  const isCamera = source instanceof MediaStream, isFile = source instanceof Blob;
  if (address) URL.revokeObjectURL(address);
  address = isFile ? URL.createObjectURL(source) : null;
  if (isFile) byId("picture").src = address;
  byId("picture").hidden = !isFile;
  byId("video").hidden = !isCamera;
  byId("hint").hidden = isFile || isCamera;
  byId("stage").classList.toggle("filled", isFile || isCamera);
  byId("camera").textContent = isCamera ? "Stop camera" : "Use camera";
  byId("camera").setAttribute("aria-pressed", isCamera);
}

/** The most likely classes; `announce` says the first one to screen readers. */
export function showResults(probabilities, { announce }) {
  const places = [...probabilities.keys()].sort((one, other) => probabilities[other] - probabilities[one]);
  byId("results").replaceChildren(...places.slice(0, SHOWN).map(place => row(place, probabilities[place])));
  byId("results").hidden = byId("details").hidden = false;
  byId("empty").hidden = true;
  if (announce) byId("summary").textContent = `${MODEL.labels[places[0]]}, ${percent(probabilities[places[0]])}`;
}

function row(place, probability) {
  const item = document.createElement("li"), label = document.createElement("bdi");
  const [share, track, bar] = ["share", "track", "bar"].map(name => {
    const part = document.createElement("span");
    part.className = name;
    return part;
  });
  item.dataset.class = place;
  item.dataset.probability = probability;
  label.textContent = MODEL.labels[place];
  share.textContent = percent(probability);
  bar.style.width = `${100 * probability}%`;
  track.append(bar);
  item.append(label, share, track);
  return item;
}

function percent(probability) {
  return probability < 0.001 ? "< 0.1%" : `${(100 * probability).toFixed(1)}%`;
}

/** The crop of the image, in grey or colours, as the network gets it. */
export function showSeen({ data, width, height, channels }) {
  const canvas = byId("seen"), image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * pixel + channel] = data[pixel * channels + (channels === 1 ? 0 : channel)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** A null latency is still being measured. */
export function showLatency({ latency_ms, how }, { provider, threads }) {
  const runs = provider === "wasm" ? `WASM, ${threads === 1 ? "1 thread" : `${threads} threads`}` : "WebGPU";
  byId("latency").textContent = latency_ms === null ? "…" : `${latency_ms.toFixed(latency_ms < 10 ? 2 : 1)} ms`;
  byId("where").textContent = `in ${runs}`;
  byId("measured").textContent = how;
}
