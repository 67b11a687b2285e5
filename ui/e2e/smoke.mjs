// Tries the built page against the mock: what a person would see, as data. Starts the mock itself.
//
//   npm run build && npm run smoke

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { axe, open, overflow, ready, until } from './browser.mjs';

const PORT = 8197;
const URL_ = `http://127.0.0.1:${PORT}/`;
const mockPath = fileURLToPath(new URL('../mock/server.mjs', import.meta.url));
/** What the browser says by itself when the server is away on purpose. */
const AWAY = /ERR_|Failed to load resource|status of 50/;
let failed = 0;

async function mock(...args) {
  const child = spawn(process.execPath, [mockPath, '--port', String(PORT), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return { tell: (path) => fetch(URL_ + path, { method: 'POST' }), stop: () => (child.kill(), once(child, 'exit')) };
}

function check(name, holds = true, detail = '') {
  if (!holds) failed += 1;
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${name}${detail === '' ? '' : `: ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`}`);
}

async function on(options, journey, allow) {
  const opened = await open(URL_ + (options.search ?? ''), options);
  try {
    await journey(opened.page, opened);
    const said = await opened.problems(allow);
    check('no console error, no policy violation, no request elsewhere', said.length === 0, said.join('; '));
  } catch (error) {
    check('journey', false, error.message);
  } finally {
    await opened.close();
  }
}

let server = await mock();
for (const [theme, width] of [
  ['light', 1440],
  ['dark', 1440],
  ['light', 390],
  ['dark', 360],
]) {
  await on({ theme, width, height: 900 }, async (page) => {
    await ready(page);
    const violations = await axe(page);
    check(`axe ${theme} ${width}`, violations.length === 0, violations.join('\n  '));
    check(`no sideways scroll ${width}`, (await overflow(page)) <= 0, await overflow(page));
    const small = await page.evaluate(() =>
      [...document.querySelectorAll('button, summary, input')]
        .map((one) => [one, one.getBoundingClientRect()])
        .filter(([one, box]) => one.type !== 'checkbox' && box.width > 0 && (box.height < 23.5 || box.width < 23.5))
        .map(([one]) => one.outerHTML.slice(0, 80)),
    );
    check(`targets of 24 px ${width}`, small.length === 0, small.join(' '));
  });
}

await on({}, async (page) => {
  await ready(page);
  const data = await page.evaluate(() => globalThis.__ouzel.charts.humidity.data());
  const gap = data.find((line) => line.device === 'warehouse-hum-04');
  check('a silent device has a gap', gap.v.includes(null), gap.v.filter((v) => v === null).length);
  check('markers, lane', await page.evaluate(() => globalThis.__ouzel.charts.co2.markers().length > 0 && globalThis.__ouzel.lane().some((cell) => cell.level === 2)));

  await server.tell('mock/spike?s=3');
  const mark = await until(page, () => globalThis.__ouzel.charts.temperature.markers().find((one) => one.s === 3 && one.severity === 'critical' && one.t > globalThis.__ouzel.state().clock - 3e6)?.id);
  check('a spike becomes a marker', mark);
  await until(page, () => globalThis.__ouzel.state().alerts.some((one) => one.s === 3 && one.severity === 'critical'));
  check('and an alert');
  await until(page, () => /warehouse-temp-04|alert/.test(document.querySelector('#announcements').textContent));
  check('which is announced', true, await page.textContent('#announcements'));
  await page.click('.alert:has-text("warehouse-temp-04") button:has-text("Acknowledge")');
  await until(page, () => [...document.querySelectorAll('.alert')].some((one) => /warehouse-temp-04.*acknowledged/.test(one.textContent)));
  check('and acknowledged');
  await page.click('.alert:has-text("warehouse-temp-04") button:has-text("Silence")');
  await until(page, () => [...document.querySelectorAll('.alert')].some((one) => /warehouse-temp-04.*silent until/.test(one.textContent)));
  check('and silenced');

  await page.click('button[aria-label="Windows of co2"]');
  await page.waitForSelector('.windows tr.open:has-text("so far")');
  const first = await page.evaluate(() => document.querySelector('.windows tbody tr').textContent);
  check('windows: what is open is on top, so far', /so far/.test(first), first);
  check('what closed before is below it', (await page.locator('.windows tbody tr:not(.open)').count()) > 3);
  check('and revised and partial ones say so', (await page.locator('.windows .tag:has-text("revision 1")').count()) > 0 && (await page.locator('.windows .tag:has-text("partial")').count()) > 0);
  const ofWindows = await axe(page);
  check('axe with windows', ofWindows.length === 0, ofWindows.join('\n  '));
  await page.click('button[aria-label="Windows of co2"]');
  await until(page, () => document.querySelectorAll('.windows').length === 0);
  // A button that has the focus takes Space for itself.
  await page.evaluate(() => document.activeElement.blur());

  await page.keyboard.press('Space');
  const before = await page.evaluate(() => globalThis.__ouzel.framesDelivered);
  await until(page, (n) => globalThis.__ouzel.framesDelivered > n + 30, before);
  check('paused: says what was missed', /missed [1-9]/.test(await page.textContent('.bar.frozen')), await page.textContent('.frozen-words'));
  await page.keyboard.press('Space');
  await until(page, () => globalThis.__ouzel.state().range.kind === 'live' && globalThis.__ouzel.state().settled);
  const holes = await page.evaluate(() => globalThis.__ouzel.charts.temperature.data()[0].v.filter((v) => v === null).length);
  check('back to live without a gap', holes === 0, holes);

  const plot = await page.locator('.plot .u-over').first().boundingBox();
  await page.mouse.move(plot.x + 100, plot.y + 50);
  await page.mouse.down();
  await page.mouse.move(plot.x + 200, plot.y + 50, { steps: 4 });
  await page.mouse.up();
  const zoomed = await until(page, () => (/from=\d+/.test(location.search) ? location.search : ''));
  check('a brush sets the range and the address', true, zoomed);
  await page.mouse.dblclick(plot.x + 50, plot.y + 50);
  await until(page, () => globalThis.__ouzel.state().range.kind === 'live');
  check('a double-click goes back');

  await page.click('summary:has-text("location")');
  await page.check('details[open] .menu-list input >> nth=0');
  await until(page, () => globalThis.__ouzel.state().shown < 25);
  check('a filter narrows', /tag\./.test(await page.evaluate(() => location.search)), await page.evaluate(() => location.search));
  await page.fill('#find', 'nothing like this');
  await page.waitForSelector('text=Nothing matches this filter');
  await page.click('text=Clear the filter');
  await until(page, () => globalThis.__ouzel.state().shown === 25);
  check('no match, and cleared');
  await page.click('button[aria-label="View temperature as table"]');
  check('as table', (await page.locator('.chart-table tbody tr').count()) >= 5);
  const violations = await axe(page);
  check('axe with a table', violations.length === 0, violations.join('\n  '));
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open]');
  const sheet = await axe(page);
  check('axe with the help sheet', sheet.length === 0, sheet.join('\n  '));
  await page.keyboard.press('Escape');
  await server.tell('mock/trouble?what=the+disk+is+full');
  await page.waitForSelector('[role="alert"] .bar:has-text("the disk is full")');
  await page.click('nav a:has-text("Pipeline")');
  await page.waitForSelector('#sources-title');
  check('the pipeline has a page with an address', /page=pipeline/.test(await page.evaluate(() => location.search)));
  check('a queue that fills says when it is full', /86.%/.test(await page.textContent('tr:has-text("north-hall")')), await page.textContent('tr:has-text("north-hall")'));
  const health = await axe(page);
  check('axe on the pipeline with a trouble', health.length === 0, health.join('\n  '));
  await server.tell('mock/trouble');
  await page.waitForSelector('.bar.trouble', { state: 'detached' });
  check('a trouble goes when it is over');
  await page.goBack();
  await page.waitForSelector('.lane-box');
  check('and Back is back at the charts');
  await page.focus('.lane-box');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  check('the lane speaks', true, await page.getAttribute('.lane-box', 'aria-valuetext'));
});

await on({}, async (page) => {
  await ready(page);
  const clock = await page.evaluate(() => globalThis.__ouzel.framesDrawn);
  await until(page, (n) => globalThis.__ouzel.framesDrawn > n + 30, clock);
  const before = await page.evaluate(() => ({ delivered: globalThis.__ouzel.framesDelivered, stale: globalThis.__ouzel.staleDrawn }));
  await page.evaluate(() => {
    const end = performance.now() + 5000;
    while (performance.now() < end);
  });
  await until(page, () => globalThis.__ouzel.drawn().at(-1).age < 300);
  const after = await page.evaluate(() => ({ delivered: globalThis.__ouzel.framesDelivered, stale: globalThis.__ouzel.staleDrawn }));
  check('blocked for 5 s: at most 20 old frames come', after.delivered - before.delivered <= 25, after.delivered - before.delivered);
  check('and at most one stale picture is drawn', after.stale - before.stale <= 1, after.stale - before.stale);
  const took = await page.evaluate(() => {
    const all = globalThis.__ouzel.drawn().map((one) => one.tookMs).sort((a, b) => a - b);
    return `median ${all[all.length >> 1].toFixed(1)} ms, p95 ${all[Math.floor(all.length * 0.95)].toFixed(1)} ms`;
  });
  check('time of a draw', true, took);
});

await on(
  {},
  async (page) => {
    await ready(page);
    await server.tell('mock/down?ms=3500');
    await until(page, () => document.querySelector('.link').classList.contains('reconnecting'));
    check('server gone: reconnecting, data kept', await page.evaluate(() => document.querySelector('main').classList.contains('dim') && globalThis.__ouzel.charts.co2.data()[0].v.length > 100), await page.textContent('.link'));
    const violations = await axe(page);
    check('axe while reconnecting', violations.length === 0, violations.join('\n  '));
    await until(page, () => globalThis.__ouzel.state().link.state === 'live');
    check('and live again');
    await server.stop();
    await until(page, () => globalThis.__ouzel.state().link.state === 'reconnecting');
    await until(page, () => globalThis.__ouzel.state().link.attempt >= 2);
    check('killed: attempts are counted', true, await page.textContent('.link'));
    server = await mock();
    await until(page, () => globalThis.__ouzel.state().link.state === 'live', undefined, 30_000);
    await page.waitForSelector('text=The server was restarted');
    check('restarted: says so');
    await server.tell('mock/version');
    await page.waitForSelector('text=The server has another version now');
    check('another version: asks for a reload');
  },
  AWAY,
);
await server.stop();

server = await mock('--empty', '--readonly');
await on({}, async (page) => {
  await page.waitForSelector('text=No data yet');
  check('first run: a line to copy', /curl .*\/write/.test(await page.textContent('#first-line')), await page.textContent('#first-line'));
  const violations = await axe(page);
  check('axe on first run', violations.length === 0, violations.join('\n  '));
  for (const value of [21.4, 21.6]) await fetch(`${URL_}write`, { method: 'POST', body: `room,device=lab-temp-01,location=lab temperature=${value}` });
  await until(page, () => globalThis.__ouzel.charts.temperature?.data()[0]?.v.length >= 1);
  check('and the first reading appears');
});
await server.stop();
console.log(failed === 0 ? 'all is well' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
