// kith.mjs - a world for API tests: an installation in a temporary folder, served on a free port.
//
// With KITH_TEST_PG two servers run on one fresh PostgreSQL database and requests alternate between
// them, so that every test also proves that a write through one is seen through the other.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { copyTemplate, init, KITH, newDatabase, PASSWORD, POSTGRES, templateOf } from '../template.mjs';

const run = promisify(execFile);
export { KITH, PASSWORD, POSTGRES };

export async function kith(args, options = {}) {
  try {
    const { stdout, stderr } = await run(KITH, args, { maxBuffer: 1 << 28, ...options });
    return { code: 0, stdout, stderr };
  } catch (e) {
    if (typeof e.code !== 'number') throw e;
    return { code: e.code, stdout: e.stdout, stderr: e.stderr };
  }
}

async function must(args) {
  const r = await kith(args);
  if (r.code !== 0) throw new Error(`kith ${args.join(' ')}: ${r.stderr}`);
  return r.stdout;
}

export class Server {
  constructor(dir, listen = '127.0.0.1:0') {
    this.dir = dir;
    this.listen = listen;
    this.log = '';
  }

  async start() {
    this.process = spawn(KITH, ['serve', '--data', this.dir, '--listen', this.listen], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((done) => this.process.on('exit', (code, signal) => done({ code, signal })));
    this.process.stderr.on('data', (d) => { this.log += d; });
    let out = '';
    this.url = await new Promise((done, failed) => {
      this.process.stdout.on('data', (d) => {
        out += d;
        const m = /at (https?:\/\/\S+)/.exec(out);
        if (m) done(m[1]);
      });
      this.process.on('exit', () => failed(new Error('the server ended: ' + this.log)));
    });
    if (process.env.KITH_TEST_TWICE) { // test builds: every write on SQLite runs twice
      await fetch(`${this.url}/test/twice`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"on": true}' });
    }
    return this;
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    return this.ended;
  }
}

class World {
  turn = 0;

  get server() {
    return this.servers[this.turn++ % this.servers.length];
  }

  // One request; status, headers and body (parsed when it is JSON). body: an object, or raw bytes.
  async request(method, target, body, headers = {}, server = this.server) {
    const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const r = await fetch(server.url + target, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      body: raw ? body : JSON.stringify(body),
    });
    const text = await r.text();
    const json = r.headers.get('content-type')?.includes('json') && !r.headers.get('content-type').includes('ndjson');
    return { status: r.status, headers: r.headers, text, body: json ? JSON.parse(text) : text };
  }

  // As the administrator, under /api/v1.
  api(method, target, body, headers = {}) {
    return this.request(method, '/api/v1' + target, body, { authorization: `Bearer ${this.token}`, ...headers });
  }

  as(token) {
    return (method, target, body, headers = {}) =>
      this.request(method, '/api/v1' + target, body, { authorization: `Bearer ${token}`, ...headers });
  }

  async tokenOf(email, ...more) {
    const out = await must(['token', 'create', '--data', this.dir, '--user', email, '--name', 'test', ...more]);
    return out.trim().split('\n').pop();
  }

  // A user with rights over everything that a role can give, or with the grants named.
  async user(email, grants = []) {
    const user = await this.api('POST', '/users', { email, name: email.split('@')[0], active: true });
    if (user.status !== 201) throw new Error(user.text);
    if (grants.length) {
      const role = await this.api('POST', '/roles', { name: 'role of ' + email });
      for (const g of grants) {
        const made = await this.api('POST', '/grants', { role: role.body.id, ...g });
        if (made.status !== 201) throw new Error(made.text);
      }
      const given = await this.api('PATCH', `/users/${user.body.id}`, { roles: [{ id: role.body.id }] });
      if (given.status !== 200) throw new Error(given.text);
    }
    const token = await this.tokenOf(email);
    return { id: user.body.id, token, api: this.as(token) };
  }

  async close() {
    const ends = await Promise.all(this.servers.map((s) => s.stop()));
    await this.database?.drop();
    for (const dir of this.dirs) rmSync(dir, { recursive: true, force: true });
    for (const [i, end] of ends.entries()) {
      if (end.code !== 0) throw new Error(`a server ended with ${JSON.stringify(end)}: ${this.servers[i].log}`);
    }
  }
}

// options: conf (lines for kith.conf), init (more arguments for kith init), serve: false
export async function world(options = {}) {
  const w = new World();
  const base = mkdtempSync(path.join(tmpdir(), 'kith-api-'));
  w.dir = path.join(base, 'data');
  w.dirs = [base];
  w.passwordFile = path.join(base, 'password');
  writeFileSync(w.passwordFile, PASSWORD + '\n');
  const template = options.init ? undefined : templateOf('empty');
  w.database = await newDatabase(template);
  if (template) {
    w.token = copyTemplate(template, w.dir, w.database);
  } else {
    await init(w.dir, { admin: 'admin@kith.example', more: options.init }, w.database);
    w.token = await w.tokenOf('admin@kith.example');
  }
  if (options.conf) appendFileSync(path.join(w.dir, 'kith.conf'), '\n' + options.conf + '\n');
  const folders = [w.dir];
  if (w.database && !options.single) {
    const second = path.join(base, 'second');
    cpSync(w.dir, second, { recursive: true });
    folders.push(second);
  }
  w.servers = options.serve === false ? [] : await Promise.all(folders.map((d) => new Server(d).start()));
  return w;
}

// A request whose every byte is ours: for what fetch() would not send.
export function rawRequest(url, { method = 'GET', path: target, headers = {}, body } = {}) {
  return new Promise((done, failed) => {
    const u = new URL(url);
    const r = http.request({ host: u.hostname, port: u.port, method, path: target, headers }, (answer) => {
      const parts = [];
      answer.on('data', (d) => parts.push(d));
      answer.on('end', () => done({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    r.on('error', failed);
    r.end(body);
  });
}

// Each Set-Cookie of an answer: the Node of Debian 12 joins them.
export const cookiesOf = (r) => r.headers.getSetCookie?.() ?? (r.headers.get('set-cookie') ?? '').split(/, (?=kith_)/);

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Until fn gives something true, at most a few seconds; a busy machine gets three times as long.
export async function eventually(fn, seconds = 5) {
  const until = Date.now() + seconds * 3000;
  for (;;) {
    const got = await fn();
    if (got) return got;
    if (Date.now() > until) throw new Error('it did not happen in time');
    await sleep(25);
  }
}

// Listens to the change stream; events collect in .events.
export function listen(server, token, target = '/api/v1/changes', headers = {}) {
  const stream = { events: [], comments: 0, ended: false };
  const u = new URL(server.url + target);
  stream.request = http.get(u, { headers: { authorization: `Bearer ${token}`, ...headers } }, (r) => {
    stream.status = r.statusCode;
    stream.headers = r.headers;
    let text = '';
    r.setEncoding('utf8');
    r.on('data', (d) => {
      text += d;
      let at;
      while ((at = text.indexOf('\n\n')) >= 0) {
        const block = text.slice(0, at);
        text = text.slice(at + 2);
        const event = {};
        for (const line of block.split('\n')) {
          if (line.startsWith(':')) stream.comments++;
          else event[line.slice(0, line.indexOf(':'))] = line.slice(line.indexOf(':') + 2);
        }
        if (event.data) stream.events.push({ ...event, data: JSON.parse(event.data) });
      }
    });
    r.on('end', () => { stream.ended = true; });
    r.on('error', () => { stream.ended = true; });
  });
  stream.request.on('error', () => { stream.ended = true; });
  stream.close = () => stream.request.destroy();
  stream.opened = eventually(() => stream.comments > 0 || stream.status >= 400);
  return stream;
}

export const where = encodeURIComponent; // a condition in an address
export const HUMAN = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36';

// Short words for a file that is about one world: what comes back is the body, or the id of what was made.
export const words = (the) => ({
  get: async (path) => (await the().api('GET', path)).body,
  made: async (plural, fields) => {
    const r = await the().api('POST', `/${plural}`, fields);
    assert.equal(r.status, 201, r.text);
    return r.body.id;
  },
  ok: async (path, body = {}) => {
    const r = await the().api('POST', path, body);
    assert.equal(r.status, 200, `${path}: ${r.text}`);
    return r.body;
  },
  clock: (now) => Promise.all(the().servers.map((s) => the().request('PUT', '/test/clock', { now }, {}, s))),
});
