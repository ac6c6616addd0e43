// Every request goes through here: the CSRF token, problems as errors, the end of a session.
import { t } from '../locale/t';

export interface FieldError { field: string; message: string }

export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, detail: string, readonly errors: FieldError[], readonly request: string) {
    super(detail);
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
  try {
    r = await fetch('/api/v1' + path, {
      method, signal, credentials: 'same-origin', body,
      headers: { Accept: 'application/json', ...(method !== 'GET' && csrf && { 'X-CSRF-Token': csrf }), ...headers },
    });
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
    if (r.status === 401 && path !== '/login' && session.state === 'in') setSession({ ...session, state: 'lost' });
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
// what was asked before anybody needed it
const early = new Map<string, Promise<Answer<any>>>();

export async function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const url = address(path, params), ahead = early.get(url);
  if (ahead) {
    early.delete(url);
    return (await ahead).data as T;
  }
  return (await call<T>('GET', url, undefined, {}, signal)).data;
}

/** Asks now what the first page will ask once it knows who is there: the way to the server and back is gone once, not thrice.
 * Only where somebody was signed in the last time; each answer serves once. */
export function ask(path: string, params: Params = {}) {
  if (!remembered()) return;
  const answer = call('GET', address(path, params));
  answer.catch(() => {});
  early.set(address(path, params), answer);
}
const remembered = () => { try { return localStorage.getItem('kith-in') === '1'; } catch { return false; } };
const remember = (yes: boolean) => { try { if (yes) localStorage.setItem('kith-in', '1'); else localStorage.removeItem('kith-in'); } catch { /* a private window: asked later then */ } };

export async function begin() {
  try {
    const me = await get<{ user: User; csrf: string }>('/me');
    csrf = me.csrf;
    remember(true);
    setSession({ state: 'in', user: me.user });
  } catch (x) {
    remember(false);
    early.clear();
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
  remember(true);
  setSession({ state: 'in', user: data.user });
}

export async function signOut() {
  remember(false);
  try { await call('POST', '/logout'); } finally { location.assign('/'); }
}

/** What the server says outside of the API, as text: its measurements, whether the application has changed. */
export async function plain(path: string, signal?: AbortSignal): Promise<string> {
  const r = await fetch(path, { signal, credentials: 'same-origin', cache: 'no-store', headers: { Accept: path === '/' ? 'text/html' : 'text/plain' } });
  if (!r.ok) throw new Problem(r.status, 'http', `HTTP ${r.status}`, [], '');
  return r.text();
}
