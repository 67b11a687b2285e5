// How high a chart is. One spike must not flatten all lines, so the axis follows the middle 99 % of the values; what lies
// beyond is shown as an arrow at the edge. It opens at once and closes slowly, or it would tremble at each frame.

export interface Scale {
  low: number;
  high: number;
}

/** The middle of a sample, p0.5 to p99.5. Sorts the sample. */
export function middle(sample: Float64Array): Scale | null {
  const n = sample.length;
  if (n === 0) return null;
  sample.sort();
  return { low: sample[Math.floor((n - 1) * 0.005)]!, high: sample[Math.ceil((n - 1) * 0.995)]! };
}

/** The axis for a sample of values and their true ends. `full` shows all; otherwise what goes less than a half beyond the
 * middle is shown, too: an arrow is for what would flatten the rest. `bounds` are the sensor's own: the margin does not go
 * beyond them. */
export function scaleOf(sample: Float64Array, ends: Scale, full: boolean, bounds: [number, number] | null): Scale | null {
  const found = middle(sample);
  if (!found) return null;
  let { low, high } = found;
  if (full || high === low || ends.high - ends.low <= (high - low) * 1.5) ({ low, high } = ends);
  const margin = high > low ? (high - low) * 0.08 : Math.max(Math.abs(high) * 0.01, 1e-6);
  const [lowest, highest] = bounds ?? [-Infinity, Infinity];
  return {
    // A line on its bound still needs a little room to be seen.
    low: low >= lowest ? Math.max(low - margin, lowest - margin / 4) : low - margin,
    high: high <= highest ? Math.min(high + margin, highest + margin / 4) : high + margin,
  };
}

/** The axis to show next: wider at once, narrower only when a fifth of it is empty. */
export function settle(shown: Scale | null, wanted: Scale): Scale {
  if (!shown) return wanted;
  const width = shown.high - shown.low;
  if (wanted.high - wanted.low < width * 0.8) return wanted;
  const room = width * 0.06;
  const low = wanted.low < shown.low || wanted.low > shown.low + 2 * room ? wanted.low : shown.low;
  const high = wanted.high > shown.high || wanted.high < shown.high - 2 * room ? wanted.high : shown.high;
  return { low, high };
}
