// The address bar follows the page, and the page follows Back. Another page and a chosen range are steps that Back undoes;
// a pause and a filter are not, they only change where we are.

import { effect } from '@preact/signals';
import { model } from '../store/model';
import type { Range } from '../store/range';
import { readView, writeView } from '../store/url';

let steps = 0;
let restoring = false;

export function startView(): void {
  // The address is read against the clock of this machine: the server's is not known yet, and -15m does not care.
  const view = readView(location.search, Date.now() * 1000);
  model.page.value = view.page;
  model.range.value = view.range;
  model.filter.value = view.filter;
  let before: Range = view.range;
  let shown = view.page;
  effect(() => {
    const range = model.range.value;
    const page = model.page.value;
    const search = writeView({ page, range, filter: model.filter.value }, location.search);
    const url = `${location.pathname}${search}${location.hash}`;
    const moved = range !== before && !(range.kind === 'frozen' && range.paused);
    const step = (moved || page !== shown) && !restoring;
    before = range;
    shown = page;
    if (search === location.search) return;
    if (step) {
      history.pushState(null, '', url);
      steps += 1;
    } else history.replaceState(null, '', url);
  });
  addEventListener('popstate', () => {
    const back = readView(location.search, model.clock || Date.now() * 1000);
    restoring = true;
    steps = Math.max(0, steps - 1);
    model.page.value = back.page;
    model.filter.value = back.filter;
    model.show(back.range);
    restoring = false;
  });
}

/** One range back, if there is one of this page. */
export function stepBack(): void {
  if (steps > 0) history.back();
}
