// The charts that are on the page, by channel: the test hook looks at them.

import type { Plot } from '../chart/plot';

export const plots = new Map<string, Plot>();
