// The colours of the theme, for canvases. They live in theme.css only; here they are read once after each change.

export interface Inks {
  text: string;
  muted: string;
  grid: string;
  surface: string;
  accent: string;
  warning: string;
  critical: string;
  quiet: string;
  series: string[];
}

let inks: Inks | null = null;

export function currentInks(): Inks {
  if (inks) return inks;
  const style = getComputedStyle(document.documentElement);
  const ink = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  inks = {
    text: ink('text'),
    muted: ink('muted'),
    grid: ink('grid'),
    surface: ink('surface'),
    accent: ink('accent'),
    warning: ink('warning'),
    critical: ink('critical'),
    quiet: ink('lane'),
    series: Array.from({ length: 8 }, (_, i) => ink(`series-${i + 1}`)),
  };
  return inks;
}

export function forgetInks(): void {
  inks = null;
}
