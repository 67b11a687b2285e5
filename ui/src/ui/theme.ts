// Light, dark, or as the system has it; remembered in this browser.

import { effect, signal } from '@preact/signals';
import { forgetInks } from '../chart/inks';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'ouzel.theme';
const ORDER: Theme[] = ['system', 'light', 'dark'];

export const theme = signal<Theme>(remembered());

/** Keeps the document in step, and calls `changed` so that canvases are drawn in the new colours. */
export function startTheme(changed: () => void): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (): void => {
    const wanted = theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value;
    document.documentElement.dataset['theme'] = wanted;
    forgetInks();
    changed();
  };
  dark.addEventListener('change', apply);
  effect(apply);
}

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme.peek()) + 1) % ORDER.length]!;
  theme.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // A browser that keeps nothing still shows it until the page is closed.
  }
}

function remembered(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return ORDER.find((one) => one === kept) ?? 'system';
  } catch {
    return 'system';
  }
}
