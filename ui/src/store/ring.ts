// Points of a line in typed columns: time, value, lowest, highest. Sorted by time, each time once. The ring grows to its
// bound and then forgets the oldest eighth; `dropped` counts them. A gap is a point whose value is not a number: it has
// a time, so that it stands between its neighbours, and no line is drawn to it.
//
//   |  forgotten  |  start ... points ... end  |  free  |

const SMALLEST = 256;

export class Ring {
  t = new Float64Array(0);
  v = new Float64Array(0);
  low = new Float64Array(0);
  high = new Float64Array(0);
  start = 0;
  end = 0;
  dropped = 0;

  constructor(readonly bound: number) {}

  get length(): number {
    return this.end - this.start;
  }

  get full(): boolean {
    return this.length >= this.bound;
  }

  /** The time of the last point, or minus infinity. */
  get last(): number {
    return this.length > 0 ? this.t[this.end - 1]! : -Infinity;
  }

  get first(): number {
    return this.length > 0 ? this.t[this.start]! : Infinity;
  }

  /** Puts a point where its time belongs; one of the same time is replaced. Nearly always that is the end. */
  push(t: number, v: number, low = v, high = v): void {
    let at = this.end;
    if (t <= this.last) {
      at = this.lower(t);
      if (this.t[at] === t) {
        this.set(at, t, v, low, high);
        return;
      }
      // Older than everything, and there is no room: it would be the first one to be forgotten.
      if (at === this.start && this.full) {
        this.dropped += 1;
        return;
      }
    }
    const before = this.start;
    const behind = at - before;
    const dropped = this.room();
    at = this.start + Math.max(0, behind - dropped);
    if (at < this.end) {
      for (const column of [this.t, this.v, this.low, this.high]) column.copyWithin(at + 1, at, this.end);
    }
    this.end += 1;
    this.set(at, t, v, low, high);
  }

  /** The place of the first point at or after `t`. */
  lower(t: number): number {
    let low = this.start;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.t[middle]! < t) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the reading nearest to `t`, gaps left out, or -1. */
  nearest(t: number): number {
    const right = this.lower(t);
    let best = -1;
    for (const at of [right - 1, right]) {
      if (at < this.start || at >= this.end || Number.isNaN(this.v[at]!)) continue;
      if (best < 0 || Math.abs(this.t[at]! - t) < Math.abs(this.t[best]! - t)) best = at;
    }
    return best;
  }

  clear(): void {
    this.start = 0;
    this.end = 0;
  }

  private set(at: number, t: number, v: number, low: number, high: number): void {
    this.t[at] = t;
    this.v[at] = v;
    this.low[at] = low;
    this.high[at] = high;
  }

  /** Makes room for one more at the end, and says how many points it forgot for that. */
  private room(): number {
    let dropped = 0;
    if (this.full) {
      dropped = Math.max(1, this.bound >>> 3);
      this.start += dropped;
      this.dropped += dropped;
    }
    if (this.end < this.t.length) return dropped;
    // Half as much again as the bound, so that points move seldom once the ring is full.
    const size = Math.min(Math.max(SMALLEST, this.length * 2), this.bound + (this.bound >>> 1) + 1);
    if (size > this.t.length) {
      this.t = moved(this.t, this.start, this.end, size);
      this.v = moved(this.v, this.start, this.end, size);
      this.low = moved(this.low, this.start, this.end, size);
      this.high = moved(this.high, this.start, this.end, size);
    } else {
      for (const column of [this.t, this.v, this.low, this.high]) column.copyWithin(0, this.start, this.end);
    }
    this.end -= this.start;
    this.start = 0;
    return dropped;
  }
}

function moved(column: Float64Array, start: number, end: number, size: number): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(size);
  wider.set(column.subarray(start, end));
  return wider;
}
