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
  /** What is wrong with the pipeline itself, and not over. */
  troubles: Trouble[];
  clocks: Clocks;
  /** Goes up when another config comes in force. */
  config: number;
}

export interface Trouble {
  part: string;
  what: string;
  since: Micros;
}

/** Devices whose clocks are wrong: how many, and the worst with the seconds that they are behind. */
export interface Clocks {
  wrong: number;
  worst: [device: string, behind: number][];
}

export interface Quantiles {
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

export interface Stage extends Quantiles {
  stage: 'travel' | 'durable' | 'latency' | 'confirmed';
  count: number;
  /** Of the last 30 s. */
  recent: Quantiles;
}

export interface Source {
  name: string;
  connected: boolean;
  received: number;
  per_s: number;
  bytes: number;
  bytes_per_s: number;
  dropped: number;
  drops: Record<'oldest' | 'newest' | 'random' | 'sampled' | 'refused', number>;
  turned_away: number;
  lost: number;
  rejected: number;
  retries: number;
  held: number;
  used: number;
  holds: number;
  utilisation: number;
  full_in_s: number | null;
}

export interface Sink {
  name: string;
  waiting: number;
  delivered: number;
  dropped: number;
  thinned: number;
  retries: number;
  confirmed: Stage;
}

/** What is told of the pipeline itself; there is more, see the OpenAPI document. */
export interface Pipeline {
  now: Micros;
  started: Micros;
  troubles: Trouble[];
  full: boolean;
  sources: Source[];
  sinks: Sink[];
  stages: Stage[];
  journal: { bytes: number; held: number; holds: number; syncs: number; sync_p99_ms: number | null };
  outputs: { bytes: number; held: number };
  checkpoints: { count: number; bytes: number; newest: Micros | null; age_s: number | null; pause_p99_ms: number | null };
  written: { bytes: number; bytes_per_day: number | null };
  lake: { readings: number; files: number };
  clocks: Clocks;
  memory_bytes: number | null;
  journalled: number;
  worked: number;
  past: number;
  unread: number;
  late: number;
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

/** What a window says: names and times, then its statistics by name. Times are RFC 3339, as in the rows of sinks. */
export interface WindowRow {
  id: string;
  window: string;
  key: string;
  channel: string;
  start: string;
  end: string;
  /** What it would say if it closed now. */
  provisional?: boolean;
  /** The device was first heard after its start. */
  partial?: boolean;
  /** How often it was given before. */
  revision?: number;
  [statistic: string]: unknown;
}

export interface WindowNews {
  now: Micros;
  /** Rows were left out before this. */
  gap: boolean;
  /** All that is open; null: as before. */
  open: WindowRow[] | null;
  closed: WindowRow[];
}

export interface Lag {
  skipped: number;
  since: Micros;
}

export interface Bye {
  why: 'shutdown' | 'too_slow' | 'upgrade';
  retry: number;
}
