// The page: takes images from files and the camera, and shows what the network says.

import { openClassifier } from "./classifier.js";
import { decode, pixelsOf } from "./decode.js";
import { median, measure } from "./measure.js";
import { MODEL } from "./model.js";
import { showDescription, showMessage, showLatency, showReady, showResults, showSeen, showSource } from "./show.js";

const FRAMES = 30;
const byId = id => document.getElementById(id);
let stream = null;

/** One thing after the other: the network runs one image at a time. */
let turn = Promise.resolve();
function inTurn(work) {
  turn = turn.then(work).catch(error => {
    stopCamera();
    showMessage(error.message);
  });
}

async function start() {
  showDescription();
  try {
    const classifier = await openClassifier(new URLSearchParams(location.search).get("provider") ?? "wasm");
    takeFiles(classifier);
    takeCamera(classifier);
    showReady();
  } catch (error) {
    showReady(error);
  }
}

function takeFiles(classifier) {
  const stage = byId("stage"), file = byId("file");
  const take = blob => blob && inTurn(() => classifyFile(classifier, blob));
  file.addEventListener("change", () => {
    take(file.files[0]);
    file.value = ""; // so that the same file can be chosen again
  });
  addEventListener("dragover", event => {
    event.preventDefault(); // else the browser opens the image in place of this page
    stage.classList.add("over");
  });
  addEventListener("dragleave", event => event.relatedTarget ?? stage.classList.remove("over"));
  addEventListener("drop", event => {
    event.preventDefault();
    stage.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  addEventListener("paste", event => take(event.clipboardData.files[0]));
}

async function classifyFile(classifier, blob) {
  stopCamera();
  const image = await decode(blob);
  showMessage(null);
  showSource(blob);
  const seen = classifier.see(image);
  showSeen(seen);
  showResults(await classifier.probabilities(seen), { announce: true });
  showLatency({ latency_ms: null, how: "measuring" }, classifier);
  await new Promise(drawn => setTimeout(drawn, 50)); // the result is drawn before the clock runs
  showLatency(await measure(() => classifier.scores(seen)), classifier);
}

function takeCamera(classifier) {
  byId("camera").addEventListener("click", () => {
    if (stream) stopCamera();
    else inTurn(() => startCamera(classifier));
  });
}

async function startCamera(classifier) {
  const video = byId("video");
  try {
    stream = await openCamera();
    video.srcObject = stream;
    await video.play();
  } catch (error) {
    throw new Error(cameraMessage(error));
  }
  showMessage(null);
  showSource(stream);
  follow(classifier, video, stream, { latencies_ms: [], said: null });
}

function openCamera() {
  if (!isSecureContext) throw new Error("Browsers open the camera only to pages from https or localhost.");
  if (!navigator.mediaDevices?.getUserMedia) throw new Error("This browser gives pages no camera.");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
}

function cameraMessage(error) {
  return {
    NotAllowedError: "The camera was denied: allow it beside the address of this page, and try again.",
    NotFoundError: "No camera was found.",
    NotReadableError: "The camera is in use by another program.",
  }[error.name] ?? error.message;
}

/** Classifies frame after frame until the camera stops. */
function follow(classifier, video, followed, state) {
  inTurn(async () => {
    if (stream !== followed) return;
    if (!followed.active) throw new Error("The camera was disconnected.");
    const seen = classifier.see(pixelsOf(video));
    const start = performance.now();
    const probabilities = await classifier.probabilities(seen);
    state.latencies_ms = [...state.latencies_ms, performance.now() - start].slice(-FRAMES);
    if (stream !== followed) return;
    const best = probabilities.indexOf(Math.max(...probabilities));
    showSeen(seen);
    showResults(probabilities, { announce: best !== state.said }); // a reader of screens hears changes, not frames
    state.said = best;
    const how = `median of the last ${FRAMES} frames; without resizing them`;
    showLatency({ latency_ms: median(state.latencies_ms), how }, classifier);
    requestAnimationFrame(() => follow(classifier, video, followed, state));
  });
}

function stopCamera() {
  if (!stream) return;
  stream.getTracks().forEach(track => track.stop());
  stream = null;
  byId("video").srcObject = null;
  showSource(null);
}

start();
