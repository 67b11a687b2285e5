// Questions and commands over plain HTTP. A failure becomes the sentence that the server wrote, with its request id.

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  return answer<T>(await fetch(path, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) }));
}

export async function post<T>(path: string, body: unknown): Promise<T | null> {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return response.status === 204 ? null : answer<T>(response);
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return (await response.json()) as T;
  let message = `the server answered ${response.status}`;
  try {
    const said = (await response.json()) as { error?: string; request?: string };
    if (said.error) message = said.request ? `${said.error} (request ${said.request})` : said.error;
  } catch {
    // Not JSON: a proxy between us and the server. The status is all there is.
  }
  throw new Refused(response.status, message);
}
