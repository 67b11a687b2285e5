// Anomalies on a chart: a triangle is a warning, a diamond is critical, so that nobody needs the colour. One that is off
// the scale stands at the edge. Where many fall on one spot, one is drawn; the table of the chart lists the newest.

import type { Mark } from '../store/wire';
import type { Inks } from './inks';
import { xOf, yOf, type Frame } from './strokes';

export interface Placed {
  mark: Mark;
  x: number;
  y: number;
}

/** Above this many the shapes are smaller, and above the second number some give way to their neighbours. */
const MANY = 40;
const MOST = 70;
/** The spot of a marker, in CSS pixels: as many of these are tried as it takes. */
const SPOTS = [5, 9, 14, 22, 36, 60];

/** Where markers go. Of those on one spot one is drawn, a critical one before a warning; spots grow until a chart holds no
 * more than people can look at. They stand on multiples of their width in time, so that markers do not jump as it moves. */
export function placeMarkers(marks: Mark[], frame: Frame): Placed[] {
  const all: Placed[] = [];
  const inset = 7 * frame.ratio;
  const bottom = frame.top + frame.height - inset;
  for (const severity of ['critical', 'warning'] as const) {
    for (const mark of marks) {
      if (mark.severity !== severity || mark.t < frame.from || mark.t > frame.to) continue;
      const y = mark.value === null ? bottom : Math.min(bottom, Math.max(frame.top + inset, yOf(frame, mark.value)));
      all.push({ mark, x: xOf(frame, mark.t), y });
    }
  }
  let placed = all;
  for (const spot of SPOTS) {
    const height = spot * frame.ratio;
    const width = (height / frame.width) * (frame.to - frame.from);
    const taken = new Set<string>();
    placed = all.filter(({ mark, y }) => {
      const key = `${Math.floor(mark.t / width)} ${Math.floor((y - frame.top) / height)}`;
      const free = !taken.has(key);
      taken.add(key);
      return free;
    });
    if (placed.length <= MOST) break;
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
