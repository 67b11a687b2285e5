// Keys that work anywhere on the page, and never while somebody types.

import { model } from '../store/model';
import { live, PRESETS, shift, zoom } from '../store/range';
import { helpOpen } from './help';
import { nextTheme } from './theme';

export const SHORTCUTS: [keys: string, does: string][] = [
  ['Space', 'pause, and return to live'],
  ['← →', 'earlier, later by half the range'],
  ['+ −', 'half, twice as long a range'],
  ['1 … 6', 'last 1 min, 5 min, 15 min, 1 h, 6 h, 24 h'],
  ['/', 'find a device or channel'],
  ['t', 'theme: system, light, dark'],
  ['Esc', 'let go of the highlighted device'],
  ['?', 'this sheet'],
];

export function startKeys(): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || helpOpen.peek()) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest('input, textarea, select, [contenteditable]')) return;
    // A button takes Space for itself, the lane its arrows.
    if (event.key === ' ' && target?.closest('button, summary, a, [role="slider"]')) return;
    if (event.key.startsWith('Arrow') && target?.closest('[role="slider"], .rows, .legend')) return;
    if (press(event.key)) event.preventDefault();
  });
}

function press(key: string): boolean {
  const range = model.range.peek();
  switch (key) {
    case ' ':
      if (model.paused.peek()) model.resume();
      else model.pause();
      return true;
    case 'ArrowLeft':
      model.show(shift(range, -1, model.clock));
      return true;
    case 'ArrowRight':
      if (range.kind === 'frozen') model.show(shift(range, 1, model.clock));
      return true;
    case '+':
    case '=':
      model.show(zoom(range, 0.5, model.clock));
      return true;
    case '-':
      model.show(zoom(range, 2, model.clock));
      return true;
    case '/':
      document.querySelector<HTMLInputElement>('#find')?.focus();
      return true;
    case 't':
      nextTheme();
      return true;
    case '?':
      helpOpen.value = true;
      return true;
    case 'Escape':
      model.lit.value = null;
      return false;
    default: {
      const preset = /^[1-6]$/.test(key) ? PRESETS[Number(key) - 1] : undefined;
      if (preset) model.show(live(preset[1]));
      return preset !== undefined;
    }
  }
}
