// A browser for tests of the page, and what it complains of. Needs Chromium (CHROMIUM names another one than /usr/bin/chromium).
//
//   const { page, problems, close } = await open(url, { theme: 'dark', width: 390 });
//   await ready(page);                                   // the first picture is drawn, and the past has come
//   const data = await page.evaluate(() => __ouzel.charts.temperature.data());
//   await until(page, () => __ouzel.state().link.state === 'live');
//   problems()                                           // console errors, policy violations, requests to elsewhere

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function open(url, { theme = 'light', width = 1440, height = 900, scale = 1, reducedMotion = 'reduce', timezone = 'UTC' } = {}) {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: theme,
    reducedMotion,
    timezoneId: timezone,
    locale: 'en-GB',
    hasTouch: width < 700,
  });
  const page = await context.newPage();
  const found = [];
  page.on('console', (message) => message.type() === 'error' && found.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => found.push(`error: ${error.message}`));
  const { origin } = new URL(url);
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:')) found.push(`elsewhere: ${request.url()}`);
  });
  await page.addInitScript(() => {
    globalThis.__violations = [];
    addEventListener('securitypolicyviolation', (event) => globalThis.__violations.push(`${event.violatedDirective} ${event.blockedURI}`));
  });
  await page.goto(url);
  /** `allow`: what is expected, such as the refused requests of a server that was killed. */
  const problems = async (allow = /^$/) => {
    const violations = await page.evaluate(() => globalThis.__violations);
    return [...found, ...violations.map((one) => `policy: ${one}`)].filter((one) => !allow.test(one));
  };
  return { browser, context, page, problems, close: () => browser.close() };
}

export async function ready(page, timeout = 15_000) {
  await page.waitForFunction(() => globalThis.__ouzel?.framesDrawn > 0 && globalThis.__ouzel.state().settled, undefined, { timeout });
}

/** Waits until something holds on the page; asks at every frame, so nothing sleeps. */
export async function until(page, what, argument, timeout = 15_000) {
  return (await page.waitForFunction(what, argument, { timeout })).jsonValue();
}

/** axe-core on the page as it is: a list of `rule: element`. Runs beside the content security policy, not through it. */
export async function axe(page) {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  await page.evaluate(source);
  return page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return result.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`));
  });
}

/** How far the page can be scrolled sideways; 0 is right. */
export async function overflow(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
