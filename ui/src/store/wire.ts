// What the server and the page say to each other, version 1. Times are whole microseconds since 1970 UTC, `s` is the
// number of a series, and what is absent is null. The server's side of it is in crates/server.

export type Micros = number;
export type Severity = 'warning' | 'critical';

export interface Channel {
  name: string;
  unit: string | null;
  range: [number, number] | null;
}

export interface Series {
  s: number;
  device: string;
  channel: string;
  tags: Record<string, string>;
}

export interface Meta {
  v: number;
  boot: string;
  version: string;
  name: string;
  now: Micros;
  write: boolean;
  channels: Channel[];
  series: Series[];
  detectors: { name: string; type: string }[];
  more: boolean;
}

export interface SeriesPart {
  s: number;
  t: Micros[];
  v: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  band?: { t: Micros[]; low: (number | null)[]; high: (number | null)[] } | null;
  anomalies?: Omit<Mark, 's' | 'message'>[];
}

export interface SeriesAnswer {
  from: Micros;
  to: Micros;
  tier: 'raw' | '10s' | '1m' | '10m';
  series: SeriesPart[];
}

export interface Hello {
  v: number;
  boot: string;
  cid: string;
  now: Micros;
  hz: number;
  gap: boolean;
  series: number;
}

export interface Frame {
  now: Micros;
  seq: number;
  t0: Micros;
  s: number[];
  t: number[];
  v: (number | null)[];
  f: number[];
  band?: { s: number[]; low: (number | null)[]; high: (number | null)[] } | null;
  skipped: number;
}

/** Bits of `f` in a frame. */
export const FLAG = { warning: 1, critical: 2, quality: 4, late: 8 } as const;

export interface Mark {
  s: number;
  t: Micros;
  value: number | null;
  severity: Severity;
  kind: string;
  detector: string;
  id: string;
  message?: string;
}

export interface Kpi {
  now: Micros;
  readings: number;
  rate: number;
  anomalies: number;
  open: { warning: number; critical: number };
  devices: { ok: number; warning: number; critical: number; stale: number };
  dropped: number;
  late: number;
  rejected: number;
  p50_ms: number | null;
  p99_ms: number | null;
  queue: number;
  behind: number;
  clients: number;
}

/** Cells of the lane that changed. Saying it twice changes nothing: a cell is known by (s, t). */
export interface LaneCells {
  t: Micros;
  width: number;
  all: number;
  s: number[];
  level: number[];
  count: number[];
}

export interface Lanes {
  from: Micros;
  to: Micros;
  width: number;
  all: number[];
  series: { s: number; cells: [bucket: number, level: number, count: number][] }[];
}

export interface Alert {
  id: string;
  alert: string;
  s: number;
  device: string;
  channel: string;
  state: 'pending' | 'firing' | 'cleared';
  severity: Severity;
  since: Micros;
  time: Micros;
  cleared: Micros | null;
  count: number;
  kind: string;
  detector: string;
  value: number | null;
  expected: number | null;
  score: number | null;
  threshold: number | null;
  message: string;
  acknowledged: null | { at: Micros; by?: string | null; note?: string | null };
  silenced_until: null | Micros;
}

export interface Names {
  series: Series[];
  channels: Channel[];
}

export interface Sync {
  now: Micros;
  alerts: Alert[];
  series: { s: number; t: Micros; v: number | null }[];
  kpi: Kpi | null;
  lanes: Lanes | null;
}

export interface Lag {
  skipped: number;
  since: Micros;
}

export interface Bye {
  why: 'shutdown' | 'too_slow' | 'upgrade';
  retry: number;
}
