// Anomalies on a chart: a triangle is a warning, a diamond is critical, so that nobody needs the colour. One that is off
// the scale stands at the edge. Where many fall on one spot, one is drawn.

import type { Mark } from '../store/wire';
import type { Inks } from './inks';
import { xOf, yOf, type Frame } from './strokes';

export interface Placed {
  mark: Mark;
  x: number;
  y: number;
}

/** Above this many the shapes are smaller. */
const MANY = 40;

export function placeMarkers(marks: Mark[], frame: Frame): Placed[] {
  const placed: Placed[] = [];
  const taken = new Set<string>();
  const cell = 5 * frame.ratio;
  // Critical ones last: they lie on top, and take their spot from a warning.
  for (const severity of ['critical', 'warning'] as const) {
    for (const mark of marks) {
      if (mark.severity !== severity || mark.t < frame.from || mark.t > frame.to) continue;
      const x = xOf(frame, mark.t);
      const inset = 7 * frame.ratio;
      const wanted = mark.value === null ? frame.top + frame.height - inset : yOf(frame, mark.value);
      const y = Math.min(frame.top + frame.height - inset, Math.max(frame.top + inset, wanted));
      const spot = `${Math.floor(x / cell)} ${Math.floor(y / cell)}`;
      if (taken.has(spot)) continue;
      taken.add(spot);
      placed.push({ mark, x, y });
    }
  }
  return placed;
}

export function drawMarkers(ctx: CanvasRenderingContext2D, placed: Placed[], frame: Frame, inks: Inks): void {
  const size = (placed.length > MANY ? 3.6 : 5) * frame.ratio;
  ctx.lineJoin = 'round';
  for (let i = placed.length - 1; i >= 0; i -= 1) {
    const { mark, x, y } = placed[i]!;
    ctx.beginPath();
    if (mark.severity === 'critical') diamond(ctx, x, y, size * 1.15);
    else triangle(ctx, x, y, size);
    // An edge in the colour of the paper keeps shapes apart from the line and from each other.
    ctx.strokeStyle = inks.surface;
    ctx.lineWidth = 2 * frame.ratio;
    ctx.stroke();
    ctx.fillStyle = mark.severity === 'critical' ? inks.critical : inks.warning;
    ctx.fill();
  }
}

/** Small arrows at the edges where values are off the scale, unless a marker stands there and says more. */
export function drawArrows(
  ctx: CanvasRenderingContext2D,
  up: Set<number>,
  down: Set<number>,
  step: number,
  placed: Placed[],
  frame: Frame,
  inks: Inks,
): void {
  const near = 10 * frame.ratio;
  ctx.fillStyle = inks.muted;
  const size = 3.2 * frame.ratio;
  for (const [side, columns] of [
    [1, up],
    [-1, down],
  ] as const) {
    for (const column of columns) {
      const x = (column + 0.5) * step;
      const edge = side === 1 ? frame.top : frame.top + frame.height;
      if (placed.some((one) => Math.abs(one.x - x) < near && Math.abs(one.y - edge) < near)) continue;
      const tip = side === 1 ? frame.top + frame.ratio : frame.top + frame.height - frame.ratio;
      ctx.beginPath();
      ctx.moveTo(x, tip);
      ctx.lineTo(x + size, tip + side * size * 1.4);
      ctx.lineTo(x - size, tip + side * size * 1.4);
      ctx.closePath();
      ctx.fill();
    }
  }
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.moveTo(x, y - r);
  ctx.lineTo(x + r, y + r * 0.8);
  ctx.lineTo(x - r, y + r * 0.8);
  ctx.closePath();
}

function diamond(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.moveTo(x, y - r);
  ctx.lineTo(x + r, y);
  ctx.lineTo(x, y + r);
  ctx.lineTo(x - r, y);
  ctx.closePath();
}
