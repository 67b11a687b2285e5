// Icons as paths: a bare Linux browser has no glyph for a pause sign. They are decoration; words stand beside them or in
// the name of their button.

const PATHS = {
  critical: 'M8 1.2 14.8 8 8 14.8 1.2 8Z',
  warning: 'M8 1.8 15 14H1Z',
  ok: 'M3 8.5 6.5 12 13 4.5',
  stale: 'M8 4.5V8l2.5 1.8M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8Z',
  pause: 'M5 3v10M11 3v10',
  play: 'M4.5 2.8v10.4L13 8Z',
  back: 'M10 3 5 8l5 5',
  on: 'm6 3 5 5-5 5',
  out: 'M11 11l3.5 3.5M4.5 7h5M7 1.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 7 1.8Z',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3',
  moon: 'M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1Z',
  system: 'M2 3h12v8H2zM6 14h4M8 11v3',
  help: 'M6 6.2a2 2 0 1 1 3 1.7c-.7.4-1 .8-1 1.5M8 11.6v.1M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8Z',
  check: 'M3 8.5 6.5 12 13 4.5',
  mute: 'M4.5 10.8V7a3.5 3.5 0 0 1 5.4-2.9M11.5 7v3.8H3.2M6.8 13.2h2.4M2 2l12 12',
  table: 'M2 3h12v10H2zM2 6.5h12M2 10h12M6.5 3v10',
  windows: 'M2 3h5v10H2zM9 3h5v10H9z',
  full: 'M8 1.8v12.4M5 4.6l3-2.8 3 2.8M5 11.4l3 2.8 3-2.8',
  search: 'M11 11l3.5 3.5M7 1.8a5.2 5.2 0 1 0 0 10.4A5.2 5.2 0 0 0 7 1.8Z',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  close: 'M3.5 3.5l9 9M12.5 3.5l-9 9',
  down: 'm4 6 4 4 4-4',
  reload: 'M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3',
} as const;

const FILLED = new Set<string>(['critical', 'warning', 'play']);

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={FILLED.has(name) ? 'currentColor' : 'none'}
        stroke={FILLED.has(name) ? 'none' : 'currentColor'}
        stroke-width="1.6"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** A severity by shape, colour and word. */
export function SeverityMark({ severity, word = false }: { severity: 'warning' | 'critical'; word?: boolean }) {
  return (
    <span class={`severity ${severity}`}>
      <Icon name={severity} />
      <span class={word ? '' : 'sr'}>{severity}</span>
    </span>
  );
}
