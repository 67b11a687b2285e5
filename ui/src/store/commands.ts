// What the page asks of the server. Components call these; src/net puts its answers in when the page starts, so that no
// component knows of addresses or of failures on the way.

import type { Alert } from './wire';

export interface Commands {
  acknowledge(alert: Alert): Promise<void>;
  silence(alert: Alert, span: string): Promise<void>;
  reconnect(): void;
}

const nothing = async (): Promise<void> => undefined;

export const commands: Commands = { acknowledge: nothing, silence: nothing, reconnect: () => undefined };
