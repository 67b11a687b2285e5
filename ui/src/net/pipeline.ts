// Asks how the pipeline is, every two seconds while its page is shown and somebody can see it.

import { effect } from '@preact/signals';
import type { Model } from '../store/model';
import type { Pipeline } from '../store/wire';
import { ask } from './rest';

const EVERY_MS = 2000;

export function followPipeline(model: Model): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = async (): Promise<void> => {
    clearTimeout(timer);
    if (model.page.peek() !== 'pipeline' || document.hidden) return;
    try {
      model.pipeline.value = await ask<Pipeline>('/api/v1/pipeline', AbortSignal.timeout(5000));
    } catch {
      // The stream says that the server is gone; what was last known stays.
    }
    clearTimeout(timer);
    timer = setTimeout(() => void next(), EVERY_MS);
  };
  effect(() => {
    void model.page.value;
    void next();
  });
  document.addEventListener('visibilitychange', () => void next());
}
