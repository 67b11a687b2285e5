// The head of the page: whose server, whether we hear from it, which time is shown.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { commands } from '../store/commands';
import { clock, day, fixed, spanWords, zone } from '../store/format';
import { RATES } from '../store/pace';
import { model } from '../store/model';
import { writeView, type PageName } from '../store/url';
import { extent, live, parseRange, PRESETS, shift, spanOf, zoom } from '../store/range';
import { helpOpen } from './help';
import { Icon } from './icons';
import { nextTheme, theme } from './theme';

const PAGES: [PageName, string][] = [
  ['overview', 'Overview'],
  ['pipeline', 'Pipeline'],
];

function Pages() {
  const shown = model.page.value;
  return (
    <nav class="pages" aria-label="Pages">
      {PAGES.map(([name, word]) => (
        <a
          key={name}
          href={writeView({ page: name, range: model.range.value, filter: model.filter.value }, location.search) || '/'}
          aria-current={shown === name ? 'page' : undefined}
          onClick={(event) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            model.page.value = name;
          }}
        >
          {word}
        </a>
      ))}
    </nav>
  );
}

export function Header() {
  const charts = model.page.value === 'overview';
  return (
    <header class="head">
      <div class="brand">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" class="brand-back" />
          <path d="M5 19h5l3-9 5 14 3-8h6" class="brand-line" />
        </svg>
        <h1>
          Ouzel <span class="muted">{model.meta.value?.name ?? ''}</span>
        </h1>
      </div>
      <Pages />
      <LinkState />
      <div class="head-right">
        {charts && (
          <>
            <Presets />
            <Steps />
            <PauseButton />
          </>
        )}
        <ThemeButton />
        <button type="button" class="plain" onClick={() => (helpOpen.value = true)} aria-label="Shortcuts" title="Shortcuts (?)">
          <Icon name="help" />
        </button>
      </div>
    </header>
  );
}

function LinkState() {
  const link = model.link.value;
  const here = useSignal(Date.now());
  const waiting = link.state === 'reconnecting';
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => (here.value = Date.now()), 500);
    return () => clearInterval(timer);
  }, [waiting]);
  let text = '';
  let detail = '';
  switch (link.state) {
    case 'connecting':
      text = 'connecting';
      break;
    case 'live': {
      text = `live ${link.hz}/s`;
      const of = Math.round(RATES[0] / link.hz);
      if (of > 1) detail = `drawing is slow: showing 1 of ${of}`;
      else if (link.skipped > 0) detail = `showing 1 of ${link.skipped + 1}`;
      break;
    }
    case 'lagging':
      text = 'lagging';
      detail = link.skipped > 0 ? `this page is behind; showing 1 of ${fixed(link.skipped + 1)}` : 'this page is behind';
      break;
    case 'reconnecting': {
      const seconds = Math.max(0, Math.ceil((link.nextAt - here.value) / 1000));
      text = 'reconnecting';
      detail = `attempt ${link.attempt}${seconds > 0 ? `, next in ${seconds} s` : ''}; ${link.why}`;
      break;
    }
    case 'hidden':
      text = 'asleep while hidden';
      break;
  }
  return (
    <div class={`link ${link.state}`}>
      <span class="link-dot" aria-hidden="true" />
      <span class="link-text" role="status">{text}</span>
      {detail && <span class="link-detail">{detail}</span>}
      {link.state === 'reconnecting' && (
        <button type="button" class="small" onClick={() => commands.reconnect()}>
          Try now
        </button>
      )}
    </div>
  );
}

function Presets() {
  const range = model.range.value;
  return (
    <div class="segments" role="group" aria-label="Last">
      {PRESETS.map(([name, span], i) => (
        <button
          key={name}
          type="button"
          aria-pressed={range.kind === 'live' && range.span === span}
          onClick={() => model.show(live(span))}
          title={`Last ${spanWords(span)}, live (${i + 1})`}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function Steps() {
  const range = model.range.value;
  const half = spanWords(spanOf(range) / 2);
  return (
    <div class="segments" role="group" aria-label="Move the time range">
      <button type="button" aria-label={`Earlier by ${half}`} title="Earlier (Left)" onClick={() => model.show(shift(model.range.peek(), -1, model.clock))}>
        <Icon name="back" />
      </button>
      <button
        type="button"
        aria-label={`Later by ${half}`}
        title="Later (Right)"
        disabled={range.kind === 'live'}
        onClick={() => model.show(shift(model.range.peek(), 1, model.clock))}
      >
        <Icon name="on" />
      </button>
      <button type="button" aria-label="Zoom out, twice the time" title="Zoom out (-)" onClick={() => model.show(zoom(model.range.peek(), 2, model.clock))}>
        <Icon name="out" />
      </button>
    </div>
  );
}

function PauseButton() {
  const paused = model.paused.value;
  return (
    <button type="button" class={`pause ${paused ? 'primary' : ''}`} onClick={() => (paused ? model.resume() : model.pause())} title={paused ? 'Return to live (Space)' : 'Pause (Space)'}>
      <Icon name={paused ? 'play' : 'pause'} />
      <span>{paused ? 'Live' : 'Pause'}</span>
    </button>
  );
}

function ThemeButton() {
  const name = theme.value;
  const icon = ({ system: 'system', light: 'sun', dark: 'moon' } as const)[name];
  return (
    <button type="button" class="plain" onClick={nextTheme} aria-label={`Theme: ${name}`} title={`Theme: ${name} (t)`}>
      <Icon name={icon} />
    </button>
  );
}

/** The range in words, and a field to type another one into. */
export function RangeField() {
  const wrong = useSignal(false);
  const now = model.now.value;
  const range = model.range.value;
  const { from, to } = extent(range, now);
  const days = day(from) !== day(to) || day(to) !== day(now);
  const words = now === 0 ? '' : `${days ? `${day(from)} ` : ''}${clock(from)} – ${days ? `${day(to)} ` : ''}${clock(to)}`;
  return (
    <form
      class="range-field"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem('range') as HTMLInputElement;
        const next = parseRange(field.value, model.clock, model.range.peek().span);
        wrong.value = next === null && field.value.trim() !== '';
        if (!next) return;
        model.show(next);
        field.value = '';
        field.blur();
      }}
    >
      <span class="range-words">
        {words} <span class="muted">{now === 0 ? '' : zone(now)}</span>
      </span>
      <input
        name="range"
        type="text"
        autocomplete="off"
        spellcheck={false}
        aria-label="Time range, such as 20m or 14:00 to 14:30"
        aria-invalid={wrong.value}
        placeholder="20m, 14:00 to 14:30"
        onInput={() => (wrong.value = false)}
      />
      {wrong.value && (
        <span class="field-error" role="alert">
          not a time range; try 90s, 2h, or 14:00 to 14:30
        </span>
      )}
    </form>
  );
}
