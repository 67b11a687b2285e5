// The anomaly lane on a canvas. A warning fills the lower half of its cell, something critical all of it, so that the
// height says what the colour says.

import type { Bucket } from '../store/lanes';
import type { Extent } from '../store/range';
import type { Inks } from './inks';

export function drawLane(canvas: HTMLCanvasElement, buckets: Bucket[], range: Extent, inks: Inks, hover: number | null, chosen: number | null): void {
  const ratio = devicePixelRatio;
  const width = Math.round(canvas.clientWidth * ratio);
  const height = Math.round(canvas.clientHeight * ratio);
  const ctx = canvas.getContext('2d');
  if (!ctx || width === 0) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  ctx.clearRect(0, 0, width, height);
  const x = (t: number): number => ((t - range.from) / (range.to - range.from)) * width;
  buckets.forEach((bucket, i) => {
    const left = Math.round(Math.max(0, x(bucket.from)));
    const right = Math.round(Math.min(width, x(bucket.to))) - Math.round(ratio);
    if (right <= left) return;
    ctx.fillStyle = inks.quiet;
    ctx.fillRect(left, 0, right - left, height);
    if (bucket.level > 0) {
      const share = bucket.level >= 2 ? 1 : 0.5;
      ctx.fillStyle = bucket.level >= 2 ? inks.critical : inks.warning;
      ctx.fillRect(left, Math.round(height * (1 - share)), right - left, height);
    }
    if (i === chosen) {
      ctx.strokeStyle = inks.text;
      ctx.lineWidth = 2 * ratio;
      ctx.strokeRect(left + ratio, ratio, right - left - 2 * ratio, height - 2 * ratio);
    }
  });
  if (hover !== null && hover >= range.from && hover <= range.to) {
    ctx.fillStyle = inks.text;
    ctx.fillRect(Math.round(x(hover)), 0, ratio, height);
  }
}
