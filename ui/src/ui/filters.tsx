// Which devices and channels are shown. Tags with a few values have a menu each.

import { useEffect, useRef } from 'preact/hooks';
import { choices, chosen, isEmpty, NO_FILTER, toggled } from '../store/filter';
import { model } from '../store/model';
import { RangeField } from './header';
import { Icon } from './icons';

export function Filters() {
  const filter = model.filter.value;
  const tags = choices(model.series.value);
  const channels = model.channels.value.map((one) => one.name);
  const shown = model.shown.value.length;
  const all = model.series.value.length;
  return (
    <div class="filters" role="search" aria-label="Filter">
      {[...tags].map(([tag, values]) => (
        <Menu
          key={tag}
          name={tag}
          values={values}
          chosen={chosen(filter, tag)}
          toggle={(value) => (model.filter.value = toggled(model.filter.peek(), tag, value))}
        />
      ))}
      {channels.length > 1 && (
        <Menu
          name="channel"
          values={channels}
          chosen={filter.channels}
          toggle={(value) => {
            const had = model.filter.peek().channels;
            const next = had.includes(value) ? had.filter((other) => other !== value) : [...had, value];
            model.filter.value = { ...model.filter.peek(), channels: next };
          }}
        />
      )}
      <label class="find">
        <Icon name="search" />
        <input
          id="find"
          type="search"
          placeholder="Find a device   /"
          aria-label="Find a device or channel"
          value={filter.text}
          onInput={(event) => (model.filter.value = { ...model.filter.peek(), text: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.blur()}
        />
      </label>
      {!isEmpty(filter) && (
        <>
          <span class="muted nowrap">
            {shown} of {all} series
          </span>
          <button type="button" class="small" onClick={() => (model.filter.value = NO_FILTER)}>
            Clear
          </button>
        </>
      )}
      <RangeField />
    </div>
  );
}

function Menu(props: { name: string; values: string[]; chosen: string[]; toggle: (value: string) => void }) {
  const { name, values, chosen: picked, toggle } = props;
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const outside = (event: Event): void => {
      const menu = details.current;
      if (menu?.open && !(event.target instanceof Node && menu.contains(event.target))) menu.open = false;
    };
    addEventListener('pointerdown', outside);
    addEventListener('focusin', outside);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('focusin', outside);
    };
  }, []);
  const words = picked.length === 0 ? 'all' : picked.length === 1 ? picked[0] : `${picked.length} of ${values.length}`;
  return (
    <details
      ref={details}
      class={`menu ${picked.length > 0 ? 'active' : ''}`}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !details.current?.open) return;
        details.current.open = false;
        details.current.querySelector('summary')?.focus();
        event.stopPropagation();
      }}
    >
      <summary>
        <span class="muted">{name}</span> {words} <Icon name="down" />
      </summary>
      <fieldset class="menu-list">
        <legend class="sr">{name}</legend>
        {values.map((value) => (
          <label key={value}>
            <input type="checkbox" checked={picked.includes(value)} onChange={() => toggle(value)} />
            <span>{value}</span>
          </label>
        ))}
      </fieldset>
    </details>
  );
}
