// Every request goes through here: the CSRF token, problems as errors, the end of a session.
import { t } from '../locale/t';

export interface FieldError { field: string; message: string }

/** The server says it in lower case, since it may stand within a sentence. A name in the model or a quotation stays as it is. */
const sentence = (text: string) => (/^\p{Ll}[\p{L}’'-]*([\s,:;.!?]|$)/u.test(text) ? text.charAt(0).toLocaleUpperCase() + text.slice(1) : text);

export class Problem extends Error {
  readonly errors: FieldError[];
  constructor(readonly status: number, readonly code: string, detail: string, errors: FieldError[], readonly request: string) {
    super(sentence(detail));
    this.errors = errors.map((e) => ({ ...e, message: sentence(e.message) }));
  }
  at(field: string): string | undefined {
    return this.errors.find((e) => e.field === field || e.field.startsWith(field + '[') || e.field.startsWith(field + '.'))?.message;
  }
}

export interface User { id: number; email: string; name: string; admin: boolean; language: string; zone: string }
export type SessionState = { state: 'unknown' | 'out' | 'in' | 'lost' | 'setup'; user?: User };

let csrf = '';
let session: SessionState = { state: 'unknown' };
const listeners = new Set<() => void>();

export function getSession() { return session; }
export function onSession(f: () => void) { listeners.add(f); return () => { listeners.delete(f); }; }
function setSession(s: SessionState) { session = s; listeners.forEach((f) => f()); }

// whether the last request reached the server
let reached = true;
const watchers = new Set<() => void>();
export const isReached = () => reached;
export const onReach = (f: () => void) => { watchers.add(f); return () => { watchers.delete(f); }; };
function setReach(now: boolean) { if (now !== reached) { reached = now; watchers.forEach((f) => f()); } }

export interface Answer<T> { data: T; etag: string | null; status: number }

export function call<T = unknown>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer<T>> {
  return send<T>(method, path, body === undefined ? undefined : JSON.stringify(body), { ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers }, signal);
}

async function send<T>(method: string, path: string, body: BodyInit | undefined, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer<T>> {
  let r: Response;
  const asker = csrf;
  try {
    const ahead = method === 'GET' ? early.get(path) : undefined;
    if (method === 'GET') early.delete(path); else early.clear();
    r = await (ahead ?? fetch('/api/v1' + path, {
      method, signal, credentials: 'same-origin', body,
      headers: { Accept: 'application/json', ...(method !== 'GET' && csrf && { 'X-CSRF-Token': csrf }), ...headers },
    }));
  } catch (e) {
    if (signal?.aborted) throw e;
    setReach(false);
    throw new Problem(0, 'network', t('offline.problem'), [], '');
  }
  setReach(true);
  const text = await r.text();
  let data: any = null;
  if (text && r.headers.get('Content-Type')?.includes('json')) {
    try { data = JSON.parse(text); } catch { data = null; }
  }
  if (!r.ok) {
    // one that was sent before somebody signed in again says nothing of the session that is there now
    if (r.status === 401 && path !== '/login' && session.state === 'in' && asker === csrf) setSession({ ...session, state: 'lost' });
    throw new Problem(r.status, data?.code ?? 'http', data?.detail ?? data?.title ?? `HTTP ${r.status}`, data?.errors ?? [], data?.request ?? '');
  }
  return { data: data as T, etag: r.headers.get('ETag'), status: r.status };
}

/** Sends a file as it is; the answer is its record. */
export async function upload<T>(file: File): Promise<Answer<T>> {
  return send<T>('POST', '/files?name=' + encodeURIComponent(file.name), file, { 'Content-Type': file.type || 'application/octet-stream' });
}

type Params = Record<string, string | number | undefined>;
const address = (path: string, params: Params) => {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(params)) if (v !== undefined && v !== '') q.set(k, String(v));
  const tail = q.toString();
  return path + (tail ? '?' + tail : '');
};
// what begin.js asked while the application was fetched; each answer serves once, and only at the start
const early = new Map<string, Promise<Response>>((window as { kithAsked?: [string, Promise<Response>][] }).kithAsked);
for (const answer of early.values()) answer.catch(() => {});
const NEXT_TIME = 'kith-first';

export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return (await call<T>('GET', address(path, params), undefined, {}, signal)).data;
}

/** What the application asks first of all, for begin.js: the next time it is asked before the application is there. */
export function askFirst(asks: [string, Params][]) {
  const now = ['/me', ...asks.map(([path, params]) => address(path, params))].join('\n');
  try { if (localStorage.getItem(NEXT_TIME) !== now) localStorage.setItem(NEXT_TIME, now); } catch { /* a private window: asked later then */ }
}
const forget = () => { early.clear(); try { localStorage.removeItem(NEXT_TIME); } catch { /* nothing is kept */ } };

export async function begin() {
  try {
    const me = await get<{ user: User; csrf: string }>('/me');
    csrf = me.csrf;
    setSession({ state: 'in', user: me.user });
    setTimeout(() => early.clear(), 5000);
  } catch (x) {
    forget();
    // a server that has nothing to serve yet says so
    setSession({ state: x instanceof Problem && x.code === 'setup' ? 'setup' : 'out' });
  }
}

/** Makes the installation, and waits until it is served: the same address, another server. */
export async function setUp(fields: Record<string, string>, token: string) {
  const r = await fetch('/setup', { method: 'POST', credentials: 'same-origin', headers: { Accept: 'application/json' }, body: new URLSearchParams({ ...fields, token }) });
  const said = await r.json() as { code: string; detail: string; errors: FieldError[] };
  if (!r.ok) throw new Problem(r.status, said.code, said.detail, said.errors, '');
  for (let n = 0; n < 200; n++) {
    await new Promise((done) => setTimeout(done, 150));
    const now = await fetch('/api/v1/me', { credentials: 'same-origin', cache: 'no-store' }).catch(() => null);
    if (now && now.status !== 503) return;
  }
  throw new Problem(0, '', t('setup.late'), [], '');
}

export async function signIn(email: string, password: string, totp: string) {
  const before = session.user?.id;
  const { data } = await call<{ user: User; csrf: string }>('POST', '/login', { email, password, ...(totp && { totp }) });
  csrf = data.csrf;
  // somebody else: nothing of the one before may stay on the screen
  if (before && before !== data.user.id) return location.assign('/');
  setSession({ state: 'in', user: data.user });
}

export async function signOut() {
  forget();
  try { await call('POST', '/logout'); } finally { location.assign('/'); }
}

/** What the server says outside of the API, as text: its measurements, whether the application has changed. */
export async function plain(path: string, signal?: AbortSignal): Promise<string> {
  const r = await fetch(path, { signal, credentials: 'same-origin', cache: 'no-store', headers: { Accept: path === '/' ? 'text/html' : 'text/plain' } });
  if (!r.ok) throw new Problem(r.status, 'http', `HTTP ${r.status}`, [], '');
  return r.text();
}
