// One series on the page: its points, the band it was expected in, and its anomalies. Two streams write here: frames add
// at the end, answers of the series API replace what they cover. A gap stays a gap: where readings are missing for more
// than five usual intervals, nothing is joined.

import { Ring } from './ring';
import type { Frame, Mark, Micros, Series, SeriesPart } from './wire';

/** As the server does it: a gap is longer than this many usual intervals. */
export const GAP_INTERVALS = 5;
/** Until the usual interval is known. */
const GAP_UNKNOWN: Micros = 60_000_000;
const MARKS_BOUND = 500;
/** The band moves slowly; a point a second is plenty. */
const BAND_EVERY: Micros = 1_000_000;

export class Line {
  readonly ring: Ring;
  readonly band = new Ring(4096);
  marks: Mark[] = [];
  private ids = new Map<string, Mark>();
  /** The newest reading, which may be newer than the points while these are full and the page is paused. */
  latest: { t: Micros; v: number; f: number } | null = null;
  /** Points inside what is shown were forgotten: ask the server again. */
  thin = false;

  private steps: number[] = [];
  private usual = Infinity;
  /** A reading this close behind an answer of the server is joined, however far apart its points are. */
  private joint = 0;

  constructor(
    readonly series: Series,
    bound: number,
  ) {
    this.ring = new Ring(bound);
  }

  /** Takes a reading of the stream. `keep`: do not forget old points for it (somebody is looking at them). */
  append(t: Micros, v: number, f: number, keep: boolean): void {
    if (!this.latest || t >= this.latest.t) this.latest = { t, v, f };
    if (keep && this.ring.full) {
      this.thin = true;
      return;
    }
    const last = this.ring.last;
    if (t > last && last > -Infinity) {
      const step = t - last;
      const limit = Math.max(this.gapLimit(), this.joint);
      if (step > limit) this.ring.push(last + Math.min(step / 2, Math.max(1, this.usual)), NaN);
      else if (this.joint === 0 && !Number.isNaN(this.ring.v[this.ring.end - 1]!)) this.learn(step);
    }
    this.joint = 0;
    this.ring.push(t, v);
  }

  /** Marks that the stream was cut after the last point: the next reading is not joined to it. */
  cut(): void {
    const end = this.ring.end - 1;
    if (this.ring.length > 0 && !Number.isNaN(this.ring.v[end]!)) this.ring.push(this.ring.last + 1, NaN);
    this.joint = 0;
  }

  /** Takes an answer of the series API: it replaces all points up to its last one. `slack` is how far apart two of its
   * points may be and still be neighbours. `keep`: as for `append`. */
  backfill(part: SeriesPart, slack: Micros, keep: boolean): void {
    const old = this.ring;
    const tail = Math.max(old.start, old.lower((part.t.at(-1) ?? -Infinity) + 1));
    const rest = { t: old.t.slice(tail, old.end), v: old.v.slice(tail, old.end) };
    old.clear();
    this.thin = false;
    part.t.forEach((t, i) => {
      const v = part.v[i] ?? NaN;
      old.push(t, v, part.min?.[i] ?? v, part.max?.[i] ?? v);
    });
    for (let i = 0; i < rest.t.length; i += 1) {
      const t = rest.t[i]!;
      if (i === 0 && t - old.last > Math.max(this.gapLimit(), slack) && old.length > 0) old.push(old.last + 1, NaN);
      if (keep && old.full) {
        this.thin = true;
        break;
      }
      old.push(t, rest.v[i]!);
    }
    this.joint = rest.t.length === 0 ? slack : 0;
    if (part.band) this.rebound(part.band);
    for (const mark of part.anomalies ?? []) this.mark({ ...mark, s: this.series.s });
  }

  /** Replaces the band up to the end of an answer; what came on the stream after it stays. */
  private rebound(answer: NonNullable<SeriesPart['band']>): void {
    const { band } = this;
    const kept: [number, number, number][] = [];
    for (let i = band.lower((answer.t.at(-1) ?? -Infinity) + 1); i < band.end; i += 1) {
      kept.push([band.t[i]!, band.low[i]!, band.high[i]!]);
    }
    band.clear();
    answer.t.forEach((t, i) => band.push(t, 0, answer.low[i] ?? NaN, answer.high[i] ?? NaN));
    for (const [t, low, high] of kept) band.push(t, 0, low, high);
  }

  /** Where the next reading was expected, from the stream. */
  expect(t: Micros, low: number, high: number): void {
    const { band } = this;
    const fresh = band.length < 2 || band.last - band.t[band.end - 2]! >= BAND_EVERY;
    if (!fresh && t > band.last) {
      // The last point is a running one: it goes along until it is a second away from the one before it.
      band.t[band.end - 1] = t;
      band.low[band.end - 1] = low;
      band.high[band.end - 1] = high;
    } else if (t > band.last) {
      band.push(t, 0, low, high);
    }
  }

  /** Takes an anomaly; one that is known already only learns what is new. */
  mark(mark: Mark): void {
    const known = this.ids.get(mark.id);
    if (known) {
      Object.assign(known, mark);
      return;
    }
    const own = { ...mark };
    let at = this.marks.length;
    while (at > 0 && this.marks[at - 1]!.t > own.t) at -= 1;
    this.marks.splice(at, 0, own);
    this.ids.set(own.id, own);
    if (this.marks.length > MARKS_BOUND) this.ids.delete(this.marks.shift()!.id);
  }

  /** The usual time between two readings: the median of the last ones. */
  get interval(): number {
    return this.usual;
  }

  private gapLimit(): number {
    return this.usual === Infinity ? GAP_UNKNOWN : GAP_INTERVALS * this.usual;
  }

  private learn(step: number): void {
    this.steps.push(step);
    if (this.steps.length > 16) this.steps.shift();
    if (this.steps.length < 3) return;
    const sorted = [...this.steps].sort((a, b) => a - b);
    this.usual = sorted[sorted.length >> 1]!;
  }
}

/** All series by number. Their points together stay near `budget`: with many series each keeps fewer, and rings grow only
 * for the two hundred that a stream brings. */
export class Lines {
  readonly all = new Map<number, Line>();
  private readonly bound: number;

  constructor(expected: number, budget = 400_000) {
    this.bound = Math.max(4096, Math.min(16_384, Math.floor(budget / Math.max(1, expected))));
  }

  add(series: Series): void {
    if (!this.all.has(series.s)) this.all.set(series.s, new Line(series, this.bound));
  }

  /** Takes a frame, and says how many readings of it belong to a series that is known. */
  frame(frame: Frame, keep: boolean): number {
    let taken = 0;
    for (let i = 0; i < frame.s.length; i += 1) {
      const line = this.all.get(frame.s[i]!);
      const v = frame.v[i];
      if (!line || v === null || v === undefined) continue;
      line.append(frame.t0 + (frame.t[i] ?? 0), v, frame.f[i] ?? 0, keep);
      taken += 1;
    }
    const { band } = frame;
    if (band) {
      for (let i = 0; i < band.s.length; i += 1) {
        const line = this.all.get(band.s[i]!);
        line?.expect(line.latest?.t ?? frame.now, band.low[i] ?? NaN, band.high[i] ?? NaN);
      }
    }
    return taken;
  }

  cut(): void {
    for (const line of this.all.values()) line.cut();
  }
}
