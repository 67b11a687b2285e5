// The anomaly lane: time in buckets, each with the worst that happened in it (0 nothing, 1 warning, 2 critical) and how
// often. An answer of the server gives the buckets of the whole range; cells that change come on the stream, ten seconds
// wide, and are laid over it. A cell is known by (series, time), so hearing of it twice changes nothing.

import type { Extent } from './range';
import type { LaneCells, Lanes, Micros } from './wire';

export interface Bucket {
  from: Micros;
  to: Micros;
  level: number;
  count: number;
}

const CELLS_BOUND = 20_000;

/** How wide the server's cells are. */
const CELL = 10_000_000;

export class LaneStore {
  private base: Lanes | null = null;
  private cells = new Map<string, { s: number; t: Micros; width: number; level: number; count: number }>();

  /** An answer, or a snapshot. */
  take(lanes: Lanes): void {
    this.base = lanes;
    for (const [key, cell] of this.cells) if (cell.t + cell.width <= lanes.to) this.cells.delete(key);
  }

  change(cells: LaneCells): void {
    cells.s.forEach((s, i) => {
      const level = cells.level[i] ?? 0;
      const key = `${s} ${cells.t}`;
      this.cells.delete(key);
      this.cells.set(key, { s, t: cells.t, width: cells.width, level, count: cells.count[i] ?? 0 });
    });
    for (const key of this.cells.keys()) {
      if (this.cells.size <= CELLS_BOUND) break;
      this.cells.delete(key);
    }
  }

  clear(): void {
    this.base = null;
    this.cells.clear();
  }

  /** The lane over a range in about `wanted` buckets. `shown` says which series count; null is all of them. Buckets stand on
   * multiples of their width, so that they do not flicker while the range moves. */
  buckets(range: Extent, wanted: number, shown: ((s: number) => boolean) | null): Bucket[] {
    // Not finer than it is known: cells of ten seconds in buckets of one would stand apart.
    const width = niceWidth(Math.max(CELL, (range.to - range.from) / Math.max(1, wanted)));
    const first = Math.floor(range.from / width);
    const number = Math.max(1, Math.ceil(range.to / width) - first);
    const buckets = Array.from({ length: number }, (_, i) => ({
      from: (first + i) * width,
      to: (first + i + 1) * width,
      level: 0,
      count: 0,
    }));
    const put = (at: Micros, level: number, count: number): void => {
      const bucket = buckets[Math.floor(at / width) - first];
      if (!bucket) return;
      bucket.level = Math.max(bucket.level, level);
      bucket.count += count;
    };
    const { base } = this;
    if (base) {
      // A bucket of the answer counts where its middle falls.
      for (const lane of base.series) {
        if (shown && !shown(lane.s)) continue;
        for (const [at, level, n] of lane.cells) put(base.from + (at + 0.5) * base.width, level, n);
      }
      if (!shown) base.all.forEach((level, at) => put(base.from + (at + 0.5) * base.width, level, 0));
    }
    for (const cell of this.cells.values()) {
      if (shown && !shown(cell.s)) continue;
      // What the answer has counted already is not counted again; only its level may have risen.
      const counted = base !== null && cell.t < base.to;
      put(Math.max(cell.t, Math.min(cell.t + cell.width / 2, range.to - 1)), cell.level, counted ? 0 : cell.count);
    }
    return buckets;
  }
}

const NICE = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

/** The next width that people count in. */
export function niceWidth(width: Micros): Micros {
  const seconds = width / 1e6;
  const nice = NICE.find((one) => one >= seconds * 0.999) ?? Math.ceil(seconds / 86_400) * 86_400;
  return Math.round(nice * 1e6);
}
