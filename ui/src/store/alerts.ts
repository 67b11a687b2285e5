// Alerts that are open, and what is said of them aloud. Every change of an alert comes with its id; a newer one replaces
// an older one, and a cleared one leaves. The newest thousand are kept.

import { count } from './format';
import type { Alert, Micros } from './wire';

const BOUND = 1000;

export type Open = ReadonlyMap<string, Alert>;

/** Takes a change. An older one than is known (a replay) changes nothing. */
export function changed(open: Open, alert: Alert): Open {
  const known = open.get(alert.id);
  if (known && stamp(known) > stamp(alert)) return open;
  const next = new Map(open);
  if (alert.state === 'cleared') next.delete(alert.id);
  else next.set(alert.id, alert);
  if (next.size > BOUND) {
    const oldest = [...next.values()].reduce((a, b) => (a.time <= b.time ? a : b));
    next.delete(oldest.id);
  }
  return next;
}

/** What a snapshot says is all there is. */
export function synced(alerts: readonly Alert[]): Open {
  return new Map(alerts.filter((alert) => alert.state !== 'cleared').map((alert) => [alert.id, alert]));
}

/** Critical before warning, firing before pending, not yet seen before acknowledged and silenced, newest first. */
export function ordered(open: Open, now: Micros): Alert[] {
  const rank = (alert: Alert): number =>
    (isQuiet(alert, now) ? 4 : 0) + (alert.state === 'pending' ? 2 : 0) + (alert.severity === 'critical' ? 0 : 1);
  return [...open.values()].sort((a, b) => rank(a) - rank(b) || b.since - a.since || (a.id < b.id ? -1 : 1));
}

export function isSilenced(alert: Alert, now: Micros): boolean {
  return alert.silenced_until !== null && alert.silenced_until > now;
}

/** Somebody has it already. */
export function isQuiet(alert: Alert, now: Micros): boolean {
  return alert.acknowledged !== null || isSilenced(alert, now);
}

/** When this version was written: the last of all that happened to it. */
function stamp(alert: Alert): Micros {
  return Math.max(alert.time, alert.acknowledged?.at ?? 0, alert.cleared ?? 0);
}

/** Collects what a screen reader is told, and gives it out at most once in five seconds. */
export class Announcer {
  private waiting = new Map<string, Alert>();
  private said = new Set<string>();
  private last = -Infinity;

  constructor(private readonly everyMs = 5000) {}

  /** These are known, and no news (a snapshot at the start). */
  known(alerts: Iterable<Alert>): void {
    for (const alert of alerts) this.said.add(alert.id);
  }

  add(alert: Alert): void {
    if (alert.state !== 'firing') this.waiting.delete(alert.id);
    else if (!this.said.has(alert.id)) this.waiting.set(alert.id, alert);
  }

  /** The sentence that is due at this time (milliseconds), or null. */
  due(nowMs: number): string | null {
    if (this.waiting.size === 0 || nowMs - this.last < this.everyMs) return null;
    const alerts = [...this.waiting.values()];
    this.waiting.clear();
    this.last = nowMs;
    this.known(alerts);
    // Ids are kept to say nothing twice; the oldest may be forgotten.
    for (const id of this.said) if (this.said.size > BOUND) this.said.delete(id);
    const worst = alerts.find((alert) => alert.severity === 'critical') ?? alerts[0]!;
    const sentence = `${worst.severity}: ${worst.device} ${worst.channel}, ${worst.message}`;
    return alerts.length === 1 ? `New alert, ${sentence}` : `${count(alerts.length, 'new alert')}. ${sentence}`;
  }
}
