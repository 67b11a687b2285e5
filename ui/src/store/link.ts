// The state of the connection, as a person should hear of it. Pure: events in, state out; src/net acts on it.

import type { Micros } from './wire';

export type Link =
  | { state: 'connecting' }
  | { state: 'live'; hz: number; skipped: number }
  | { state: 'lagging'; skipped: number; since: Micros }
  | { state: 'reconnecting'; attempt: number; nextAt: number; why: string }
  | { state: 'hidden' };

export type LinkEvent =
  | { on: 'open' }
  | { on: 'hello'; hz: number }
  | { on: 'frame'; skipped: number }
  | { on: 'lag'; skipped: number; since: Micros }
  | { on: 'sync' }
  | { on: 'lost'; nextAt: number; why: string }
  | { on: 'hidden' };

export function linked(link: Link, event: LinkEvent): Link {
  switch (event.on) {
    case 'open':
      return link.state === 'reconnecting' ? link : { state: 'connecting' };
    case 'hello':
      return { state: 'live', hz: event.hz, skipped: 0 };
    case 'frame':
      // Frames flow again, whatever was before; a hello always comes first, so there is a rate.
      if (link.state === 'live') return link.skipped === event.skipped ? link : { ...link, skipped: event.skipped };
      return link.state === 'lagging' ? { state: 'live', hz: 10, skipped: event.skipped } : link;
    case 'lag':
      return { state: 'lagging', skipped: event.skipped, since: event.since };
    case 'sync':
      return link;
    case 'lost': {
      const attempt = link.state === 'reconnecting' ? link.attempt + 1 : 1;
      return { state: 'reconnecting', attempt, nextAt: event.nextAt, why: event.why };
    }
    case 'hidden':
      return { state: 'hidden' };
  }
}

/** Milliseconds until the next attempt: 1, 2, 4 … 15 s, less up to a quarter by chance, so that many pages do not all come
 * back at the same moment. `chance` is in [0, 1). */
export function backoff(attempt: number, chance: number): number {
  return Math.min(15_000, 1000 * 2 ** Math.min(10, Math.max(0, attempt - 1))) * (1 - chance / 4);
}
