// What the mock server measures: five channels in five places, ten readings a second each, now and then a spike or a
// drift. Every value is a function of its series and its time, so the past is there without having been stored.

export const STEP = 100_000;
const PLACES = ['office', 'lab', 'server-room', 'warehouse', 'roof'];
export const CHANNELS = [
  { name: 'temperature', unit: '°C', range: [-40, 125], base: 21.5, day: 2.5, noise: 0.16, spread: 1.6, digits: 2 },
  { name: 'humidity', unit: '%', range: [0, 100], base: 46, day: 6, noise: 0.5, spread: 5, digits: 1 },
  { name: 'light', unit: 'lx', range: [0, null], base: 420, day: 90, noise: 6, spread: 70, digits: 0 },
  { name: 'pressure', unit: 'hPa', range: [300, 1100], base: 1013.2, day: 1.8, noise: 0.07, spread: 0.8, digits: 2 },
  { name: 'co2', unit: 'ppm', range: [0, 5000], base: 560, day: 110, noise: 5, spread: 60, digits: 0 },
];
for (const channel of CHANNELS) if (channel.range[1] === null) channel.range = null;

const SHORT = { temperature: 'temp', humidity: 'hum', light: 'light', pressure: 'baro', co2: 'co2' };

export const SERIES = CHANNELS.flatMap((channel, c) =>
  PLACES.map((location, p) => ({
    s: c * PLACES.length + p,
    device: `${location}-${SHORT[channel.name]}-0${p + 1}`,
    channel: channel.name,
    tags: { location, floor: p < 2 ? 'ground' : 'upper' },
  })),
);

/** A number in [0, 1) that looks like chance, and is the same each time. */
export function chance(a, b) {
  let x = (Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b | 0, 0x85ebca6b) ^ Math.imul((b / 4294967296) | 0, 0xc2b2ae35)) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) >>> 0;
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39) >>> 0;
  return ((x ^ (x >>> 15)) >>> 0) / 4294967296;
}

export function expected(s, t) {
  const channel = CHANNELS[Math.floor(s / PLACES.length)];
  const place = (s % PLACES.length) - 2;
  const seconds = t / 1e6;
  const slow = Math.sin(seconds / 700 + s * 1.7) * 0.6 + Math.sin(seconds / 143 + s * 2.3) * 0.3 + Math.sin(seconds / 13_000 + s) * 0.4;
  const centre = channel.base + place * channel.spread + slow * channel.day * 0.5;
  const width = 3.4 * channel.noise + channel.day * 0.06;
  return { centre, low: centre - width, high: centre + width };
}

/** A device that is silent for half a minute every six minutes. */
export function silent(s, t) {
  return s === 8 && t / 1e6 % 360 > 330;
}

const SPIKE = 0.00035;

/** `null`, or what is wrong with this reading. */
export function trouble(s, t) {
  const step = Math.floor(t / STEP);
  const dice = chance(s, step);
  if (dice < SPIKE) return { kind: 'spike', severity: dice < SPIKE * 0.3 ? 'critical' : 'warning', size: dice < SPIKE * 0.3 ? 1 : 0.55 };
  return null;
}

export function reading(s, t) {
  const channel = CHANNELS[Math.floor(s / PLACES.length)];
  const step = Math.floor(t / STEP);
  const noise = (chance(s + 100, step) + chance(s + 200, step) + chance(s + 300, step) - 1.5) * channel.noise * 2;
  const wrong = trouble(s, t);
  const jump = wrong ? (chance(s + 400, step) < 0.7 ? 1 : -1) * wrong.size * (channel.day * 2.2 + channel.noise * 6) : 0;
  return Number((expected(s, t).centre + noise + jump).toFixed(channel.digits));
}
