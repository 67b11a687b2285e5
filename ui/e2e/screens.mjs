// Pictures of both pages: light and dark at 1440 px, and a phone at 390 px.
//
//   node e2e/screens.mjs URL OUTDIR [seconds]      waits so long after the first picture, 4 by default

import { mkdirSync } from 'node:fs';
import { open, overflow, ready } from './browser.mjs';

const [url, folder, seconds = '4'] = process.argv.slice(2);
if (!url || !folder) {
  console.error('usage: node e2e/screens.mjs URL OUTDIR [seconds]');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
let bad = false;
const looks = [
  ['light-1440', { theme: 'light' }],
  ['dark-1440', { theme: 'dark' }],
  ['light-390', { theme: 'light', width: 390, height: 844, scale: 2 }],
];
const pages = ['', 'pipeline'];
for (const [name, options, shown] of pages.flatMap((shown) => looks.map(([name, options]) => [shown + (shown && '-') + name, options, shown]))) {
  const { page, problems, close } = await open(shown ? `${url}?page=${shown}` : url, options);
  try {
    await ready(page);
    // Charts out of sight are not drawn: make the window as high as the page.
    const width = page.viewportSize().width;
    await page.setViewportSize({ width, height: await page.evaluate(() => document.documentElement.scrollHeight) });
    await page.waitForTimeout(Number(seconds) * 1000);
    await ready(page);
    await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
    const wide = await overflow(page);
    const said = await problems();
    if (wide > 0) said.push(`scrolls sideways by ${wide} px`);
    for (const problem of said) console.error(`${name}: ${problem}`);
    bad ||= said.length > 0;
    console.log(`${folder}/${name}.png`);
  } finally {
    await close();
  }
}
process.exit(bad ? 1 : 0);
