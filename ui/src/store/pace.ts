// When to draw, and how many frames to ask for. A browser that was busy for five seconds finds a heap of old frames: they
// go into the store all the same, but drawing each of them would show the past as if it were now. So a picture that is
// more than a second old waits for a newer one, and is drawn only if none comes. And a browser that needs long for a
// picture asks for fewer: 10, 4, 1 a second.

export const STALE_MS = 1000;
/** How long a stale picture waits for a newer frame, and how long until the next stale one may be drawn. */
const HOLD_MS = 400;
const STALE_EVERY_MS = 1000;
const SLOW_MS = 50;
const QUICK_MS = 15;
/** This many of the last five draws must be slow; one slow one may be the garbage collector's. */
const SLOW_OF_FIVE = 3;
const UP_AFTER_MS = 30_000;

export const RATES = [10, 4, 1] as const;

export class Pace {
  rate: number = RATES[0];
  private waits: number[] = [];
  private newest = { now: -Infinity, at: -Infinity };
  private heldSince: number | null = null;
  private lastStale = -Infinity;
  private costs: number[] = [];
  private changedAt = -Infinity;

  /** A frame came: its server time and the time here, both in milliseconds. The two clocks need not agree: the smallest
   * difference of the last 64 frames stands for no wait at all. */
  frame(serverMs: number, hereMs: number): void {
    this.waits.push(hereMs - serverMs);
    if (this.waits.length > 64) this.waits.shift();
    if (serverMs >= this.newest.now) this.newest = { now: serverMs, at: hereMs };
  }

  /** How old a frame of that server time is, here and now. */
  age(serverMs: number, hereMs: number): number {
    if (this.waits.length === 0) return 0;
    return Math.max(0, hereMs - serverMs - Math.min(...this.waits));
  }

  /** After a new connection the clocks are compared anew. */
  reset(): void {
    this.waits = [];
    this.newest = { now: -Infinity, at: -Infinity };
    this.heldSince = null;
  }

  /** Whether the newest picture may be drawn now, or should wait for a newer frame. */
  mayDraw(hereMs: number): boolean {
    if (this.age(this.newest.now, hereMs) <= STALE_MS) {
      this.heldSince = null;
      return true;
    }
    this.heldSince ??= hereMs;
    if (hereMs - this.heldSince < HOLD_MS || hereMs - this.lastStale < STALE_EVERY_MS) return false;
    this.lastStale = hereMs;
    this.heldSince = null;
    return true;
  }

  /** A picture was drawn and took so long. Says the rate to ask for from now on, if it is another one. */
  drawn(tookMs: number, hereMs: number): number | null {
    this.costs.push(tookMs);
    if (this.costs.length > 5) this.costs.shift();
    if (this.changedAt === -Infinity) this.changedAt = hereMs;
    const at = RATES.findIndex((rate) => rate === this.rate);
    const slow = this.costs.filter((cost) => cost > SLOW_MS).length;
    if (slow >= SLOW_OF_FIVE && at < RATES.length - 1) return this.change(RATES[at + 1]!, hereMs);
    const quick = this.costs.length === 5 && this.costs.every((cost) => cost < QUICK_MS);
    if (quick && at > 0 && hereMs - this.changedAt > UP_AFTER_MS) return this.change(RATES[at - 1]!, hereMs);
    return null;
  }

  private change(rate: number, hereMs: number): number {
    this.rate = rate;
    this.costs = [];
    this.changedAt = hereMs;
    return rate;
  }
}
