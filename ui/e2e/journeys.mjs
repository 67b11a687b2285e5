// The page against the real program: what a person would see, as data. Starts and kills the program itself.
//
//   node e2e/journeys.mjs PATH-TO-OUZEL

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { axe, open, ready, until } from './browser.mjs';

const [program] = process.argv.slice(2);
if (!program) {
  console.error('usage: node e2e/journeys.mjs PATH-TO-OUZEL');
  process.exit(2);
}
/** What the browser says by itself when the server is away on purpose. */
const AWAY = /ERR_|Failed to load resource|status of 50/;
/** Where the manual clock begins. */
const BEGIN = 1_767_348_000;
let failed = 0;

function check(name, holds = true, detail = '') {
  if (!holds) failed += 1;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`}`);
}

/** A demo that serves at `port` (0: any); resolves with its address once it is ready. */
async function demo(port, ...args) {
  const child = spawn(program, ['demo', '--listen', `127.0.0.1:${port}`, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  const url = await new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => {
      said += text;
      const found = /page +(http:\S+)/.exec(said);
      if (found) resolve(found[1]);
    });
    child.on('exit', () => reject(new Error(`the demo has ended: ${said}`)));
  });
  const post = async (path, body) => {
    const answer = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  return {
    url,
    port: Number(new URL(url).port),
    get: async (path) => (await fetch(url + path)).json(),
    advance: (ms) => post('api/v1/test/advance', { ms }),
    end: async (signal) => {
      const exit = once(child, 'exit');
      child.kill(signal);
      return { code: (await exit)[0], said };
    },
  };
}

/** Moves the clock on until something holds; says after how many seconds it did. */
async function advanceUntil(server, what, most = 300) {
  for (let second = 0; second < most; second += 1) {
    const found = await what();
    if (found) return [found, second];
    await server.advance(1000);
  }
  throw new Error('it has not come to pass');
}

async function spikeToAcknowledge(data) {
  let server = await demo(0, '--seed', '7', '--manual-clock', String(BEGIN), '--data', data);
  const { page, problems, close } = await open(server.url, {});
  try {
    await server.advance(15_000);
    await ready(page);
    const [alert, after] = await advanceUntil(server, async () => (await server.get('api/v1/alerts?state=open')).alerts.find((one) => one.detector === 'spike'));
    check('a simulated spike becomes an alert', true, `${alert.message}, after ${15 + after} s`);
    const marker = await until(page, ({ channel, s, t }) => globalThis.__ouzel.charts[channel].markers().find((one) => one.s === s && one.t === t), { channel: alert.channel, s: alert.s, t: alert.since });
    check('and a marker on the chart', marker.kind === 'spike', marker);
    // A mark goes out at once, its reading with the next frame.
    const point = await until(page, ({ channel, s, t }) => {
      const line = globalThis.__ouzel.charts[channel].data().find((one) => one.s === s);
      return line.v[line.t.indexOf(t)];
    }, { channel: alert.channel, s: alert.s, t: alert.since });
    check('at the reading itself', point === alert.value, [point, alert.value]);
    const cell = await until(page, (t) => globalThis.__ouzel.lane().find((one) => one.level > 0 && one.from <= t && t < one.to), alert.since);
    check('and a cell of the lane', cell.level === (alert.severity === 'critical' ? 2 : 1), cell);
    const row = `.alert:has-text("${alert.device}"):has-text("${alert.channel}")`;
    await page.waitForSelector(row);
    await page.click(`${row} button:has-text("Acknowledge")`);
    await until(page, (id) => globalThis.__ouzel.state().alerts.find((one) => one.id === id)?.acknowledged, alert.id);
    check('it is acknowledged, on the page');
    const kept = async () => (await server.get('api/v1/alerts?state=all')).alerts.find((one) => one.id === alert.id);
    check('and in the journal', (await kept()).acknowledged !== null);
    const violations = await axe(page);
    check('no violation of accessibility', violations.length === 0, violations.join('\n  '));

    const boot = await page.evaluate(() => globalThis.__ouzel.state().boot);
    const before = await page.evaluate(() => globalThis.__ouzel.state().clock);
    await server.end('SIGKILL');
    await until(page, () => globalThis.__ouzel.state().link.state !== 'live');
    const shown = await page.evaluate(() => globalThis.__ouzel.charts.temperature.data()[0].v.length);
    check('the server is killed: the page says so and keeps what it has', shown > 0, shown);
    server = await demo(server.port, '--seed', '7', '--manual-clock', String(BEGIN + 15 + after + 60), '--data', data);
    await until(page, (old) => globalThis.__ouzel.state().link.state === 'live' && globalThis.__ouzel.state().boot !== old, boot, 30_000);
    check('it is started again: the page is live again');
    await server.advance(10_000);
    const joined = await until(page, (moment) => {
      const lines = globalThis.__ouzel.charts.temperature.data();
      const over = lines.map(({ t, v }) => {
        const last = t.findLastIndex((one, at) => one <= moment && v[at] !== null);
        const next = t.findIndex((one, at) => one > moment && v[at] !== null);
        return next > 0 ? v.slice(last + 1, next).includes(null) : null;
      });
      return over.every((one) => one !== null) ? over : null;
    }, before);
    check('no line is joined over the gap', joined.every(Boolean), joined);
    check('the acknowledgement is still there', (await kept()).acknowledged !== null);
    const { alerts } = await server.get('api/v1/alerts?state=all&limit=1000');
    check('and nothing was told twice', new Set(alerts.map((one) => one.id)).size === alerts.length, alerts.length);
    const said = await problems(AWAY);
    check('no console error, no policy violation, no request elsewhere', said.length === 0, said.join('; '));
  } finally {
    await close();
    await server.end('SIGKILL');
  }
}

async function slowTab() {
  const server = await demo(0, '--rate', '10');
  const slow = await open(server.url, {});
  const other = await open(server.url, {});
  try {
    await ready(slow.page);
    await ready(other.page);
    await until(slow.page, () => globalThis.__ouzel.framesDrawn > 5);
    const before = await slow.page.evaluate(() => ({ delivered: globalThis.__ouzel.framesDelivered, stale: globalThis.__ouzel.staleDrawn, seq: globalThis.__ouzel.lastFrame.seq }));
    const others = await other.page.evaluate(() => globalThis.__ouzel.framesDelivered);
    const after = await slow.page.evaluate(async () => {
      const until = performance.now() + 5000;
      while (performance.now() < until);
      // What was sent meanwhile comes in the next turns of the loop; a frame of that moment ends the count.
      const now = globalThis.__ouzel.state().clock;
      const began = Date.now() * 1000;
      await new Promise((resolve) => {
        const look = () => ((globalThis.__ouzel.lastFrame.now ?? 0) >= began ? resolve() : requestAnimationFrame(look));
        look();
      });
      return { delivered: globalThis.__ouzel.framesDelivered, stale: globalThis.__ouzel.staleDrawn, clock: now };
    });
    const delivered = after.delivered - before.delivered;
    check('a tab that is blocked for 5 s gets at most 20 frames of that time', delivered <= 21, delivered);
    check('and draws at most one stale one', after.stale - before.stale <= 1, after.stale - before.stale);
    const meanwhile = (await other.page.evaluate(() => globalThis.__ouzel.framesDelivered)) - others;
    check('which slows nobody', meanwhile >= 35, `${meanwhile} frames for another tab`);
    const pipeline = await server.get('api/v1/pipeline');
    check('nor the run', pipeline.unseen === 0 && pipeline.journalled - pipeline.worked < 500, [pipeline.unseen, pipeline.journalled, pipeline.worked]);
  } finally {
    await slow.close();
    await other.close();
    const { code, said } = await server.end('SIGINT');
    check('Ctrl-C ends it well', code === 0 && /found +\d+ of \d+ faults/.test(said), code);
  }
}

const data = mkdtempSync(join(tmpdir(), 'ouzel-journeys-'));
try {
  await spikeToAcknowledge(data);
  await slowTab();
} finally {
  rmSync(data, { recursive: true, force: true });
}
if (failed > 0) console.error(`${failed} checks failed`);
process.exit(failed > 0 ? 1 : 0);
