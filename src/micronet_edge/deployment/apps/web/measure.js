// How long an inference takes.

const WARM_UP = 3;
const MEASUREMENTS = 15;
const SHORTEST_MS = 10; // browsers blur their clock by up to 1 ms
const PATIENCE_MS = 1500;

/** The median time of what `run` does, in ms, and how it was measured, in words; the first runs do not count. */
export async function measure(run) {
  for (let number = 0; number < WARM_UP; number += 1) await run();
  const once = await timed(run, 1);
  const runs = Math.max(1, Math.ceil(SHORTEST_MS / Math.max(once, 0.1)));
  const end = performance.now() + PATIENCE_MS;
  const latencies = [];
  while (latencies.length < MEASUREMENTS && (latencies.length < 3 || performance.now() < end)) {
    latencies.push(await timed(run, runs));
  }
  const counted = runs > 1 ? `${latencies.length} × ${runs}` : latencies.length;
  const how = `median of ${counted} runs after a warm-up; without reading and resizing the image`;
  return { latency_ms: median(latencies), how };
}

async function timed(run, runs) {
  const start = performance.now();
  for (let number = 0; number < runs; number += 1) await run();
  return (performance.now() - start) / runs;
}

export function median(values) {
  const sorted = [...values].sort((one, other) => one - other), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
