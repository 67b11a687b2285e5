// The sheet of shortcuts.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icons';
import { SHORTCUTS } from './keys';

export const helpOpen = signal(false);

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const close = (): void => {
    helpOpen.value = false;
  };
  return (
    <dialog ref={dialog} class="help" aria-labelledby="help-title" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <header>
        <h2 id="help-title">Shortcuts</h2>
        <button type="button" class="plain" onClick={close} aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      <dl>
        {SHORTCUTS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (key === '…' ? ' … ' : <kbd key={key}>{key === '←' ? 'Left' : key === '→' ? 'Right' : key}</kbd>))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">
        Drag over a chart to zoom into it; double-click to go back one step. Triangles are warnings, diamonds are critical. Small arrows at the edge of a chart stand for values off its
        scale.
      </p>
    </dialog>
  );
}
