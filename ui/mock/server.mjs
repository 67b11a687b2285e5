// A stand-in for the server, to look at the page and try it: speaks the wire of version 1, with made-up readings.
// Plain Node, nothing installed.
//
//   node mock/server.mjs [--port 8099] [--empty] [--readonly] [--copies 1]
//
// POST /mock/cut     ends every stream            POST /mock/boot      ends them and comes back as another boot
// POST /mock/lag     sends lag to every stream    POST /mock/version   comes back as another version, too
// POST /mock/spike?s=3  the next reading of a series is a critical spike
// POST /mock/down?ms=3000  refuses everything for a while
// POST /mock/trouble?what=…  the disk is full; without words it is over

import { createServer } from 'node:http';
import { readFileSync, existsSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { extname } from 'node:path';
import { CHANNELS, expected, reading, SERIES, silent, STEP, trouble } from './world.mjs';

const args = process.argv.slice(2);
const option = (name, otherwise) => (args.includes(name) ? args[args.indexOf(name) + 1] : otherwise);
const port = Number(option('--port', process.env.PORT ?? 8099));
const write = !args.includes('--readonly');
const empty = args.includes('--empty');
const dist = new URL('../dist/', import.meta.url);

const CSP = "default-src 'self'; img-src 'self' data:; style-src 'self'; frame-ancestors 'none'; base-uri 'none'";
const HEADERS = { 'content-security-policy': CSP, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

let boot = newBoot();
let version = '0.1.0';
const began = now();
let series = empty ? [] : SERIES.map((one) => ({ ...one }));
// With --copies 4, every place has several devices of each kind.
const copies = Number(option('--copies', 1));
for (let copy = 1; copy < copies && !empty; copy += 1) {
  for (const one of SERIES) series.push({ ...one, s: copy * SERIES.length + one.s, device: one.device.replace(/\d+$/, (n) => `${copy}${n.slice(1)}`) });
}
let channels = empty ? [] : CHANNELS.map(({ name, unit, range }) => ({ name, unit, range }));
const written = new Map();
const clients = new Map();
const alerts = new Map();
const anomalies = [];
const spikes = new Set();
let downUntil = 0;
let troubles = [];
let cids = 0;
let seq = 0;
let tick = Math.floor(now() / STEP);
const totals = { readings: 1_284_330, anomalies: 0, late: 4, dropped: 0, rejected: 0 };

function now() {
  return Date.now() * 1000;
}
function newBoot() {
  return Math.random().toString(36).slice(2, 8);
}
function hex(s, t, kind) {
  return [...`${s} ${t} ${kind}`].reduce((x, c) => (x * 131n + BigInt(c.charCodeAt(0))) & ((1n << 128n) - 1n), 7n).toString(16).padStart(32, '0');
}
function base(s) {
  return s % SERIES.length;
}

function anomalyOf(s, t, wrong, value) {
  return { s, t, value, severity: wrong.severity, kind: wrong.kind, detector: 'spike', id: hex(s, t, wrong.kind) };
}

// The last day's anomalies.
if (!empty) {
  for (let at = tick - 864_000; at < tick; at += 1) {
    for (const one of SERIES) {
      const wrong = trouble(one.s, at * STEP);
      if (wrong) anomalies.push(anomalyOf(one.s, at * STEP, wrong, reading(one.s, at * STEP)));
    }
  }
  totals.anomalies = anomalies.length;
  const t = now();
  for (const mark of anomalies.filter((one) => one.t > t - 50e6)) raise(mark);
  const old = { ...mkAlert(SERIES[9], t - 252e6, 'drift', 'warning'), message: 'rising by 0.8 % an hour for 4 min', acknowledged: { at: t - 100e6, by: 'anna', note: '' } };
  alerts.set(old.id, old);
  const gone = { ...mkAlert(SERIES[13], t - 31e6, 'missing', 'warning'), message: 'no reading for 31 s, usually one every 0.1 s' };
  alerts.set(gone.id, gone);
}

function mkAlert(one, since, kind, severity) {
  return {
    id: hex(one.s, since, `alert ${kind}`), alert: kind, s: one.s, device: one.device, channel: one.channel, state: 'firing', severity,
    since, time: since, cleared: null, count: 1, kind, detector: kind, value: null, expected: null, score: 4.42, threshold: 3,
    message: '', acknowledged: null, silenced_until: null,
  };
}

function raise(mark) {
  const one = series.find((other) => other.s === mark.s);
  const open = [...alerts.values()].find((alert) => alert.s === mark.s && alert.kind === mark.kind && alert.state === 'firing');
  const want = expected(base(mark.s), mark.t).centre;
  const unit = CHANNELS.find((channel) => channel.name === one.channel)?.unit ?? '';
  const jump = mark.value - want;
  const message = `${jump > 0 ? 'jumped' : 'fell'} by ${Math.abs(jump).toFixed(1)} ${unit} to ${mark.value} ${unit}, score ${(3 + Math.abs(jump) % 4).toFixed(1)} over 3.0`;
  const alert = open
    ? { ...open, time: mark.t, count: open.count + 1, message, severity: mark.severity === 'critical' ? 'critical' : open.severity }
    : { ...mkAlert(one, mark.t, mark.kind, mark.severity), value: mark.value, expected: want, message };
  alerts.set(alert.id, alert);
  return alert;
}

/* The stream */

function send(client, event, data) {
  client.events += 1;
  if (client.response.writableLength > 4_000_000) return;
  client.response.write(`id: ${boot}-${client.events}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function everyone(event, data) {
  for (const client of clients.values()) send(client, event, data);
}

function kpi() {
  const t = now();
  const open = [...alerts.values()].filter((alert) => alert.state === 'firing');
  const bad = new Set(open.map((alert) => alert.device));
  const devices = new Set(series.map((one) => one.device));
  return {
    now: t, readings: totals.readings, rate: series.length * 10 + Math.sin(t / 7e6) * 6, anomalies: totals.anomalies,
    open: { warning: open.filter((a) => a.severity === 'warning').length, critical: open.filter((a) => a.severity === 'critical').length },
    devices: { ok: Math.max(0, devices.size - bad.size - (devices.size > 1 ? 1 : 0)), warning: bad.size, critical: 0, stale: devices.size > 1 ? 1 : 0 },
    dropped: totals.dropped, late: totals.late, rejected: 0, p50_ms: 0.4, p99_ms: 3.2 + Math.random() * 1.4,
    queue: 0.18 + Math.random() * 0.06, behind: 0, clients: clients.size,
    troubles, clocks: clocks(), config: 0,
  };
}

function clocks() {
  return series.length > 5 ? { wrong: 2, worst: [[series[5].device, 3.2], [series[2].device, -250]] } : { wrong: 0, worst: [] };
}

function pipeline() {
  const up = (now() - began) / 1e6;
  const of = (p50, p95, p99) => ({ p50_ms: p50, p95_ms: p95, p99_ms: p99 });
  const stage = (name, recent) => ({ stage: name, count: recent.p50_ms === null ? 0 : totals.readings, ...recent, recent });
  const none = { oldest: 0, newest: 0, random: 0, sampled: 0, refused: 0 };
  const source = (name, more) => ({
    name, connected: true, messages: 90_412, received: totals.readings, per_s: series.length * 10, bytes: 48_201_113, bytes_per_s: 21_430, passed: totals.readings,
    dropped: 0, drops: none, turned_away: 0, held: 120, used: 120, holds: 50_000, utilisation: 0.002, full_in_s: null, lost: 0, known: 0, rejected: 0, absent: 0, retries: 0, last: now(), ...more,
  });
  const sink = (name, more) => ({
    name, owed: 4_120, handled: 4_120, waiting: 0, delivered: 4_100, dropped: 0, thinned: 20, retries: 1, confirmed: stage('confirmed', of(14, 41, 88)), ...more,
  });
  return {
    now: now(), boot, started: began, troubles, full: troubles.length > 0,
    sources: [
      source('floor', {}),
      source('north-hall', { utilisation: 0.86, held: 43_000, used: 43_000, full_in_s: 14.2, per_s: 12_400, bytes_per_s: 1_480_000, turned_away: 12 }),
      source('facility', { connected: false, utilisation: 0.97, dropped: 1_380, drops: { ...none, oldest: 1_204, sampled: 176 }, bytes: 0, bytes_per_s: 0, per_s: 0, retries: 4, rejected: 3 }),
    ],
    sinks: [sink('desk', {}), sink('archive', { waiting: 1_312, owed: 5_432, retries: 17, dropped: 4, confirmed: stage('confirmed', of(240, 5_100, 61_000)) })],
    stages: [stage('travel', of(38, 110, 240)), stage('durable', of(11, 21, 23)), stage('latency', of(12.4, 22, 27))],
    journal: { bytes: 812_331_002, held: 402_653_184, holds: 2_147_483_648, syncs: 90_112, sync_p99_ms: 4.1 },
    outputs: { bytes: 41_200_411, held: 36_700_160 },
    checkpoints: { count: 61, bytes: 118_488_102, newest: now() - 41e6, age_s: 41, pause_p99_ms: 6.2 },
    written: { bytes: 972_019_515, bytes_per_day: up > 0 ? 22_548_578_304 : null },
    latency: of(12.4, 22, 27), lake: { readings: totals.readings, files: 84 }, clocks: clocks(), clients: [], memory_bytes: 47_185_920,
    journalled: totals.readings, worked: totals.readings, past: 20_140, unread: 0, late: totals.late, aggregates: 0, anomalies: totals.anomalies, alerts: 0, firing: 0, devices: 25, series: 25, unseen: 0,
  };
}

function lanes(from, to, count) {
  const width = (to - from) / count;
  const all = Array(count).fill(0);
  const cells = new Map();
  for (const mark of anomalies) {
    if (mark.t < from || mark.t >= to) continue;
    const at = Math.min(count - 1, Math.floor((mark.t - from) / width));
    const level = mark.severity === 'critical' ? 2 : 1;
    all[at] = Math.max(all[at], level);
    const lane = cells.get(mark.s) ?? new Map();
    const cell = lane.get(at) ?? [at, 0, 0];
    lane.set(at, [at, Math.max(cell[1], level), cell[2] + 1]);
    cells.set(mark.s, lane);
  }
  return { from, to, width, all, series: [...cells].map(([s, lane]) => ({ s, cells: [...lane.values()] })) };
}

function sync() {
  const t = now();
  return {
    now: t,
    alerts: [...alerts.values()].filter((alert) => alert.state !== 'cleared'),
    series: series.map((one) => ({ s: one.s, t, v: written.has(one.s) ? written.get(one.s).at(-1)[1] : reading(base(one.s), t) })),
    kpi: kpi(),
    lanes: lanes(t - 900e6, t, 90),
  };
}

setInterval(() => {
  const last = Math.floor(now() / STEP);
  const readings = [];
  for (; tick < last; tick += 1) {
    const t = tick * STEP;
    for (const one of series) {
      if (written.has(one.s) || silent(one.s, t)) continue;
      const forced = spikes.delete(one.s);
      let value = reading(base(one.s), t);
      let wrong = one.s < SERIES.length ? trouble(one.s, t) : null;
      if (forced) {
        wrong = { kind: 'spike', severity: 'critical' };
        value += (expected(base(one.s), t).high - expected(base(one.s), t).low) * 3;
        value = round(value);
      }
      readings.push([one.s, t, value, wrong ? (wrong.severity === 'critical' ? 2 : 1) : 0]);
      if (!wrong) continue;
      const mark = anomalyOf(one.s, t, wrong, value);
      anomalies.push(mark);
      totals.anomalies += 1;
      const alert = raise(mark);
      everyone('mark', { ...mark, message: alert.message });
      everyone('alert', alert);
      const from = Math.floor(t / 10e6) * 10e6;
      const same = anomalies.filter((other) => other.s === one.s && other.t >= from);
      const level = Math.max(...same.map((other) => (other.severity === 'critical' ? 2 : 1)));
      everyone('lane', { t: from, width: 10e6, all: level, s: [one.s], level: [level], count: [same.length] });
    }
  }
  totals.readings += readings.length;
  while (anomalies.length > 100_000) anomalies.shift();
  for (const client of clients.values()) deliver(client, readings);
}, 100);

function deliver(client, readings) {
  client.pending.push(...readings);
  client.waited += 1;
  const held = client.seq - client.acked > 0 && Date.now() - client.progress > 1500;
  if (client.waited * client.hz < 10 && !held) return;
  if (held) {
    if (!client.lagging) send(client, 'lag', { skipped: 1, since: now() });
    client.lagging = true;
    client.skipped += 1;
    client.pending = [];
    if (Date.now() - client.progress > 30_000) {
      send(client, 'bye', { why: 'too_slow', retry: 1000 });
      client.response.end();
    }
    return;
  }
  seq += 1;
  client.seq = seq;
  client.waited = 0;
  const shown = client.pending.filter(([s]) => !client.series || client.series.has(s)).slice(-2000);
  client.pending = [];
  const t0 = shown[0]?.[1] ?? now();
  const frame = {
    now: now(), seq, t0, s: shown.map((r) => r[0]), t: shown.map((r) => r[1] - t0), v: shown.map((r) => r[2]), f: shown.map((r) => r[3]), skipped: client.skipped,
  };
  client.skipped = 0;
  const banded = [...new Set(frame.s)].filter((s) => !written.has(s));
  const bands = banded.map((s) => expected(base(s), frame.now));
  frame.band = { s: banded, low: bands.map((b) => round(b.low)), high: bands.map((b) => round(b.high)) };
  send(client, 'frame', frame);
}

setInterval(() => {
  everyone('kpi', kpi());
  const t = now();
  for (const alert of alerts.values()) {
    if (alert.state === 'cleared' || alert.kind !== 'spike' || t - alert.time < 60e6) continue;
    const cleared = { ...alert, state: 'cleared', cleared: t, time: t };
    alerts.set(alert.id, cleared);
    everyone('alert', cleared);
  }
}, 1000);
setInterval(() => {
  for (const client of clients.values()) client.response.write(': still here\n\n');
}, 10_000);

function stream(query, request, response) {
  const cid = `c${(cids += 1)}`;
  response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const chosen = query.get('series');
  const client = {
    cid, response, hz: Number(query.get('hz') ?? 10), seq: 0, acked: 0, progress: Date.now(), lagging: false, skipped: 0, pending: [], waited: 0, events: 0, windows: (query.get('windows') ?? '').split(',').filter(Boolean).map(Number),
    series: chosen === null ? (series.length > 200 ? new Set(series.slice(0, 200).map((one) => one.s)) : null) : new Set(chosen.split(',').map(Number)),
  };
  response.write('retry: 1000\n\n');
  send(client, 'hello', { v: 1, boot, cid, now: now(), hz: client.hz, gap: Boolean(request.headers['last-event-id']), series: series.length });
  send(client, 'sync', sync());
  clients.set(cid, client);
  request.on('close', () => clients.delete(cid));
}

/* Windows: minutes of every series, and sessions of a door that only some have */

const MINUTE = 60e6;

function windowRow(one, start, to, more = {}) {
  const values = Array.from({ length: 30 }, (_, i) => reading(base(one.s), start + Math.floor((i * (to - start)) / 30 / STEP) * STEP));
  const mean = values.reduce((a, b) => a + b) / values.length;
  const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  const iso = (t) => new Date(t / 1000).toISOString().replace('.000Z', 'Z');
  return {
    s: one.s, provisional: false, id: hex(one.s, start, 'minute'), window: 'minute', key: one.device, channel: one.channel, start: iso(start), end: iso(start + MINUTE),
    ...more, count: Math.round((to - start) / STEP), mean, std, min: Math.min(...values), max: Math.max(...values), p95: [...values].sort((a, b) => a - b)[28],
  };
}

function aggregates(query) {
  const of = series.filter((one) => query.getAll('device').includes(one.device) && query.getAll('channel').includes(one.channel) && !written.has(one.s));
  const rows = [];
  const last = Math.floor(now() / MINUTE) * MINUTE;
  for (let start = last - MINUTE; rows.length < Number(query.get('limit') ?? 100) && start > last - 20 * MINUTE; start -= MINUTE) {
    const more = start === last - 4 * MINUTE ? { partial: true } : start === last - 2 * MINUTE ? { revision: 1 } : {};
    for (const one of of) rows.push(windowRow(one, start, start + MINUTE, more));
  }
  return { aggregates: rows.map(({ s, provisional, ...row }) => row) };
}

let closedUntil = Math.floor(now() / MINUTE) * MINUTE;
setInterval(() => {
  const t = now();
  const start = Math.floor(t / MINUTE) * MINUTE;
  for (const client of clients.values()) {
    const of = series.filter((one) => client.windows.includes(one.s) && !written.has(one.s));
    if (of.length === 0) continue;
    const closed = start > closedUntil ? of.map((one) => windowRow(one, closedUntil, start)) : [];
    const open = t - start > 1e6 ? of.map((one) => windowRow(one, start, t, { provisional: true })) : [];
    send(client, 'window', { now: t, gap: false, open, closed });
  }
  closedUntil = start;
}, 1000);

/* Answers */

function round(value) {
  return Math.round(value * 1000) / 1000;
}

function when(text, otherwise) {
  if (!text) return otherwise;
  if (text === 'now') return now();
  const ago = /^-(\d+)([smhd])$/.exec(text);
  if (ago) return now() - Number(ago[1]) * { s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 }[ago[2]];
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text) * 1000;
}

function seriesAnswer(query) {
  const from = when(query.get('from'), now() - 900e6);
  const to = Math.min(now(), when(query.get('to'), now()));
  const px = Number(query.get('px') ?? 800);
  const span = to - from;
  const tier = span <= 2 * 3600e6 ? 'raw' : span <= 13 * 3600e6 ? '1m' : '10m';
  const wanted = (query.get('series') ?? '').split(',').map(Number);
  const answer = wanted.map((s) => {
    const part = { s, t: [], v: [], anomalies: anomalies.filter((mark) => mark.s === s && mark.t >= from && mark.t < to).slice(-2000) };
    if (written.has(s)) {
      for (const [t, v] of written.get(s)) if (t >= from && t <= to) part.t.push(t), part.v.push(v);
      return part;
    }
    const bandStep = Math.max(STEP, Math.floor(span / 200 / STEP) * STEP);
    part.band = { t: [], low: [], high: [] };
    for (let t = Math.ceil(from / STEP) * STEP; t <= to; t += bandStep) {
      const b = expected(base(s), t);
      part.band.t.push(t);
      part.band.low.push(round(b.low));
      part.band.high.push(round(b.high));
    }
    if (tier === 'raw') m4(part, base(s), from, to, px);
    else tiers(part, base(s), from, to, tier === '1m' ? 60e6 : 600e6);
    return part;
  });
  return { from, to, tier, series: answer };
}

/** First, lowest, highest and last reading of each pixel column, anomalies among them; null where readings are missing. */
function m4(part, s, from, to, px) {
  const width = (to - from) / px;
  const pinned = new Set(part.anomalies.map((mark) => mark.t));
  let column = null;
  let lastT = null;
  const flush = () => {
    if (!column) return;
    const keep = new Set([column.first, column.low, column.high, column.last, ...column.pinned]);
    for (const [t, v] of [...keep].sort((a, b) => a[0] - b[0])) {
      if (lastT !== null && t - lastT > Math.max(5 * STEP, 2 * width)) part.t.push(lastT + STEP), part.v.push(null);
      part.t.push(t);
      part.v.push(v);
      lastT = t;
    }
    column = null;
  };
  for (let t = Math.ceil(from / STEP) * STEP; t < Math.min(to, tick * STEP); t += STEP) {
    if (silent(s, t)) continue;
    const point = [t, reading(s, t)];
    const at = Math.floor((t - from) / width);
    if (column?.at !== at) {
      flush();
      column = { at, first: point, low: point, high: point, last: point, pinned: [] };
    }
    if (point[1] < column.low[1]) column.low = point;
    if (point[1] > column.high[1]) column.high = point;
    if (pinned.has(t)) column.pinned.push(point);
    column.last = point;
  }
  flush();
}

function tiers(part, s, from, to, width) {
  part.min = [];
  part.max = [];
  for (let t = Math.ceil(from / width) * width; t <= to; t += width) {
    const values = Array.from({ length: 20 }, (_, i) => reading(s, t + Math.floor((i * width) / 20 / STEP) * STEP));
    part.t.push(t);
    part.v.push(round(values.reduce((a, b) => a + b) / values.length));
    part.min.push(Math.min(...values));
    part.max.push(Math.max(...values));
  }
}

/** Just enough of line protocol for the first command of a new user. */
function takeLine(text) {
  for (const line of text.split('\n').filter(Boolean)) {
    const found = /^([^,\s]+)((?:,[^\s]+)?)\s+(\S+)(?:\s+(\d+))?$/.exec(line.trim());
    if (!found) continue;
    const tags = Object.fromEntries(found[2].split(',').filter(Boolean).map((pair) => pair.split('=')));
    const { device = found[1], ...rest } = tags;
    for (const pair of found[3].split(',')) {
      const [channel, value] = pair.split('=');
      let one = series.find((other) => other.device === device && other.channel === channel);
      if (!one) {
        one = { s: series.length, device, channel, tags: rest };
        series.push(one);
        written.set(one.s, []);
        const fresh = channels.some((other) => other.name === channel) ? [] : [{ name: channel, unit: null, range: null }];
        channels.push(...fresh);
        everyone('names', { series: [one], channels: fresh });
      }
      const t = now();
      written.get(one.s)?.push([t, Number(value)]);
      totals.readings += 1;
      for (const client of clients.values()) client.pending.push([one.s, t, Number(value), 0]);
    }
  }
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

function json(request, response, status, value) {
  const text = Buffer.from(JSON.stringify(value));
  const zipped = /gzip/.test(request.headers['accept-encoding'] ?? '') && text.length > 1000;
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json', ...(zipped ? { 'content-encoding': 'gzip' } : {}) });
  response.end(zipped ? gzipSync(text) : text);
}

function control(path, query) {
  if (path === '/mock/lag') everyone('lag', { skipped: 41, since: now() });
  if (path === '/mock/spike') spikes.add(Number(query.get('s') ?? 0));
  if (path === '/mock/boot' || path === '/mock/version') boot = newBoot();
  if (path === '/mock/version') version = '0.2.0';
  if (path === '/mock/trouble') troubles = query.get('what') ? [{ part: 'journal', what: query.get('what'), since: now() }] : [];
  if (path === '/mock/down') downUntil = Date.now() + Number(query.get('ms') ?? 3000);
  if (['/mock/cut', '/mock/boot', '/mock/version', '/mock/down'].includes(path)) for (const client of clients.values()) client.response.destroy();
}

const server = createServer(async (request, response) => {
  const { pathname: path, searchParams: query } = new URL(request.url, 'http://mock');
  if (Date.now() < downUntil) return void request.socket.destroy();
  if (request.method === 'POST') {
    const text = await body(request);
    const ack = /^\/api\/v1\/stream\/([^/]+)\/ack$/.exec(path);
    if (ack) {
      const client = clients.get(ack[1]);
      const said = JSON.parse(text);
      if (client && said.windows) client.windows = said.windows;
      if (client && (said.seq > client.acked || said.seq === client.seq)) {
        client.acked = said.seq;
        client.progress = Date.now();
        if (client.lagging) {
          client.lagging = false;
          client.acked = client.seq;
          send(client, 'sync', sync());
        }
      }
      response.writeHead(204, HEADERS);
      return void response.end();
    }
    const act = /^\/api\/v1\/alerts\/([^/]+)\/(acknowledge|silence)$/.exec(path);
    if (act) {
      const alert = alerts.get(act[1]);
      if (!write) return json(request, response, 403, { error: 'this server is read-only; start it with --allow-write', request: 'r17' });
      if (!alert) return json(request, response, 404, { error: 'no alert has this id; it may have been cleared long ago', request: 'r18' });
      if (alert.state === 'cleared') return json(request, response, 409, { error: 'the alert is cleared already', request: 'r19' });
      const next = act[2] === 'acknowledge' ? { ...alert, acknowledged: { at: now(), by: null, note: null } } : { ...alert, silenced_until: now() + 3600e6 };
      alerts.set(next.id, next);
      everyone('alert', next);
      return json(request, response, 200, next);
    }
    if (path === '/write') {
      takeLine(text);
      response.writeHead(204, HEADERS);
      return void response.end();
    }
    if (path.startsWith('/mock/')) {
      control(path, query);
      return json(request, response, 200, { boot, version });
    }
    return json(request, response, 404, { error: `there is no ${path}`, request: 'r1' });
  }
  if (path === '/api/v1/stream') return void stream(query, request, response);
  if (path === '/api/v1/meta') {
    return json(request, response, 200, { v: 1, boot, version, name: 'demo', now: now(), write, channels, series, detectors: [{ name: 'spike', type: 'zscore' }], more: false });
  }
  if (path === '/api/v1/aggregates') return json(request, response, 200, aggregates(query));
  if (path === '/api/v1/series') return json(request, response, 200, seriesAnswer(query));
  if (path === '/api/v1/lanes') {
    return json(request, response, 200, lanes(when(query.get('from'), now() - 900e6), when(query.get('to'), now()), Number(query.get('buckets') ?? 120)));
  }
  if (path === '/api/v1/pipeline') return json(request, response, 200, pipeline());
  if (path === '/api/v1/alerts') return json(request, response, 200, { alerts: [...alerts.values()] });
  const file = new URL(`.${path === '/' ? '/index.html' : path}`, dist);
  if (!file.href.startsWith(dist.href) || !existsSync(file)) return json(request, response, 404, { error: `there is no ${path}`, request: 'r1' });
  response.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(file.pathname)] ?? 'application/octet-stream' });
  response.end(readFileSync(file));
});
server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port} (boot ${boot}, up since ${new Date(began / 1000).toISOString()})`));
