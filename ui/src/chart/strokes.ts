// Lines on a canvas. Where a pixel column holds many points it is drawn from its first, lowest, highest and last one, so
// nothing that would be seen is left out. Columns stand on multiples of their width in time, not on the edge of the chart:
// a line that moves does not shimmer. At a gap the pen is lifted.

import type { Ring } from '../store/ring';

/** From time and value to canvas pixels. */
export interface Frame {
  from: number;
  to: number;
  low: number;
  high: number;
  left: number;
  top: number;
  width: number;
  height: number;
  ratio: number;
}

export function xOf(frame: Frame, t: number): number {
  return frame.left + ((t - frame.from) / (frame.to - frame.from)) * frame.width;
}

export function yOf(frame: Frame, v: number): number {
  return frame.top + ((frame.high - v) / (frame.high - frame.low)) * frame.height;
}

/** Draws a line into the current path. `beyond` hears of columns with values outside the chart: -1 below, 1 above. */
export function trace(ctx: CanvasRenderingContext2D, ring: Ring, frame: Frame, beyond: (x: number, side: -1 | 1) => void): void {
  const begin = Math.max(ring.start, ring.lower(frame.from) - 1);
  const end = Math.min(ring.end, ring.lower(frame.to) + 1);
  const column = (frame.to - frame.from) / frame.width;
  let at = NaN;
  let down = false;
  let n = 0;
  let [firstX, firstY, lastX, lastY, lowest, highest] = [0, 0, 0, 0, 0, 0];

  const flush = (): void => {
    if (n === 0) return;
    if (down) ctx.lineTo(firstX, firstY);
    else ctx.moveTo(firstX, firstY);
    // A reading alone between two gaps is a dot: a round cap needs a little length.
    if (!down && n === 1) ctx.lineTo(firstX + 0.01, firstY);
    if (n > 1 || highest !== lowest) {
      ctx.lineTo(firstX, highest);
      ctx.lineTo(lastX, lowest);
      ctx.lineTo(lastX, lastY);
    }
    if (firstX >= frame.left && lastX <= frame.left + frame.width) {
      if (highest < frame.top) beyond(firstX, 1);
      if (lowest > frame.top + frame.height) beyond(firstX, -1);
    }
    down = true;
    n = 0;
  };

  for (let i = begin; i < end; i += 1) {
    const v = ring.v[i]!;
    if (v !== v) {
      flush();
      down = false;
      at = NaN;
      continue;
    }
    const t = ring.t[i]!;
    const here = Math.floor(t / column);
    if (here !== at) {
      flush();
      at = here;
    }
    const x = xOf(frame, t);
    const y = yOf(frame, v);
    // On a canvas what is higher has the smaller number.
    const up = yOf(frame, ring.high[i]!);
    const under = yOf(frame, ring.low[i]!);
    if (n === 0) {
      firstX = x;
      firstY = y;
      highest = up;
      lowest = under;
    } else {
      if (up < highest) highest = up;
      if (under > lowest) lowest = under;
    }
    lastX = x;
    lastY = y;
    n += 1;
  }
  flush();
}
