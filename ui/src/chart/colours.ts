// Which colour a line has, 0 to 7. The same thing has the same colour in every chart: the device while there are at most
// eight; else a tag that tells the lines of each chart apart (location, say); else the place in its chart.

import type { Series } from '../store/wire';

export const COLOURS = 8;

export function colours(shown: readonly Series[]): Map<number, number> {
  const devices = distinct(shown.map((one) => one.device));
  if (devices.length <= COLOURS) return new Map(shown.map((one) => [one.s, devices.indexOf(one.device)]));
  const tag = telling(shown);
  if (tag) {
    const values = distinct(shown.map((one) => one.tags[tag] ?? ''));
    return new Map(shown.map((one) => [one.s, values.indexOf(one.tags[tag] ?? '')]));
  }
  const places = new Map<string, string[]>();
  for (const one of shown) places.set(one.channel, [...(places.get(one.channel) ?? []), one.device]);
  for (const [channel, names] of places) places.set(channel, distinct(names));
  return new Map(shown.map((one) => [one.s, places.get(one.channel)!.indexOf(one.device) % COLOURS]));
}

/** A tag with at most eight values, none of them twice in one channel. */
function telling(shown: readonly Series[]): string | null {
  const names = distinct(shown.flatMap((one) => Object.keys(one.tags)));
  return (
    names.find((name) => {
      if (distinct(shown.map((one) => one.tags[name] ?? '')).length > COLOURS) return false;
      const seen = new Set(shown.map((one) => `${one.channel}\n${one.tags[name] ?? ''}`));
      return seen.size === shown.length;
    }) ?? null
  );
}

function distinct(values: string[]): string[] {
  return [...new Set(values)].sort();
}
