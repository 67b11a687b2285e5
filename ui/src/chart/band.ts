// The expected band of a line: a tint between low and high. A side without a limit goes to the edge of the chart. After
// its last point it holds until the newest reading.

import type { Line } from '../store/line';
import { xOf, yOf, type Frame } from './strokes';

export function drawBand(ctx: CanvasRenderingContext2D, line: Line, frame: Frame, colour: string): void {
  const { band } = line;
  const begin = Math.max(band.start, band.lower(frame.from) - 1);
  const end = Math.min(band.end, band.lower(frame.to) + 1);
  const under = frame.top + frame.height + 2;
  const over = frame.top - 2;
  let run: [x: number, low: number, high: number][] = [];
  ctx.fillStyle = colour;
  ctx.strokeStyle = colour;
  ctx.lineWidth = frame.ratio;
  const close = (): void => {
    if (run.length > 1) fill(ctx, run, frame.ratio);
    run = [];
  };
  for (let i = begin; i < end; i += 1) {
    const low = band.low[i]!;
    const high = band.high[i]!;
    if (Number.isNaN(low) && Number.isNaN(high)) close();
    else run.push([xOf(frame, band.t[i]!), Number.isNaN(low) ? under : yOf(frame, low), Number.isNaN(high) ? over : yOf(frame, high)]);
  }
  const last = run.at(-1);
  const newest = line.latest?.t ?? 0;
  if (last && end === band.end && newest > band.last) run.push([xOf(frame, Math.min(newest, frame.to)), last[1], last[2]]);
  close();
}

function fill(ctx: CanvasRenderingContext2D, run: [number, number, number][], ratio: number): void {
  ctx.beginPath();
  run.forEach(([x, , high], i) => (i === 0 ? ctx.moveTo(x, high) : ctx.lineTo(x, high)));
  for (let i = run.length - 1; i >= 0; i -= 1) ctx.lineTo(run[i]![0], run[i]![1]);
  ctx.closePath();
  ctx.globalAlpha = 0.13;
  ctx.fill();
  ctx.globalAlpha = 0.5;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const side of [1, 2] as const) {
    ctx.beginPath();
    run.forEach((point, i) => (i === 0 ? ctx.moveTo(point[0], point[side]) : ctx.lineTo(point[0], point[side])));
    ctx.stroke();
  }
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}
