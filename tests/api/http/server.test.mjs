// The server itself: start, stop, reload, limits, TLS, metrics; and the shell beside it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { KITH, POSTGRES, Server, eventually, kith, listen, sleep, world } from '../kith.mjs';

async function within(options, fn) {
  const w = await world(options);
  try {
    await fn(w);
  } finally {
    await w.close();
  }
}

test('init makes a folder that only its owner reads, once', () => within({ serve: false, init: ['--currency', 'CHF', '--zone', 'Europe/Zurich', '--country', 'CH', '--language', 'de'] }, async (w) => {
  assert.equal(statSync(path.join(w.dir, 'key')).mode & 0o777, 0o600);
  assert.equal(statSync(path.join(w.dir, 'key')).size, 32);
  assert.equal(statSync(path.join(w.dir, 'kith.conf')).mode & 0o777, 0o600);
  const again = await kith(['init', '--data', w.dir, '--admin', 'b@kith.example', '--password-file', w.passwordFile]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /already/);
  const server = await new Server(w.dir).start();
  const meta = await w.request('GET', '/api/v1/meta', undefined, { authorization: `Bearer ${w.token}` }, server);
  assert.deepEqual(meta.body.organisation, { name: 'main', currency: 'CHF', zone: 'Europe/Zurich', language: 'de', country: 'CH' });
  // what comes with the program speaks the language of the organisation; expressions name it as everywhere
  const lapsed = await w.request('GET', '/api/v1/segments?where=' + encodeURIComponent("code = 'lapsed'") + '&fields=name', undefined, { authorization: `Bearer ${w.token}` }, server);
  assert.deepEqual(lapsed.body.items.map((s) => s.name), ['Eingeschlafen']);
  assert.equal((await server.stop()).code, 0);
}));

test('a long answer goes as gzip to who takes that, and says the same', () => within({ single: true }, async (w) => {
  const ask = (path, coding) => new Promise((done, failed) => {
    http.get(w.servers[0].url + '/api/v1' + path, { headers: { authorization: `Bearer ${w.token}`, ...(coding && { 'accept-encoding': coding }) } }, (r) => {
      const parts = [];
      r.on('data', (d) => parts.push(d));
      r.on('end', () => done({ headers: r.headers, body: Buffer.concat(parts) }));
    }).on('error', failed);
  });
  const [plain, short] = [await ask('/meta'), await ask('/meta', 'br, gzip')];
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal(short.headers['content-encoding'], 'gzip');
  assert.match(short.headers.vary, /Accept-Encoding/);
  assert.ok(short.body.length * 4 < plain.body.length, `${short.body.length} of ${plain.body.length}`);
  assert.deepEqual(gunzipSync(short.body), plain.body);
  assert.equal(short.headers.etag, plain.headers.etag);
  assert.equal((await ask('/meta', 'gzip;q=0')).headers['content-encoding'], undefined);
  assert.equal((await ask('/me', 'gzip')).headers['content-encoding'], undefined);
}));

test('init refuses what cannot be, and leaves nothing behind', () => within({ serve: false }, async (w) => {
  const dir = w.dir + '-2';
  const init = (...more) => kith(['init', '--data', dir, '--admin', 'a@b.example', '--password-file', w.passwordFile, ...more]);
  for (const more of [['--currency', 'XXQ'], ['--zone', 'Mars/Base'], ['--country', 'Atlantis'], ['--language', 'xx'], ['--language', 'dex'], ['--language', ' de'], ['--admin', 'nobody']]) {
    const r = await init(...more);
    assert.equal(r.code, 1, more.join(' '));
    assert.ok(!existsSync(path.join(dir, 'kith.conf')));
  }
  assert.match((await init('--language', 'xx')).stderr, /"xx" is no language of Kith; there are de, en/);
  writeFileSync(w.passwordFile, 'short\n');
  const r = await init();
  assert.equal(r.code, 1);
  assert.match(r.stderr, /10 to 200/);
  assert.ok(!existsSync(path.join(dir, 'kith.conf')));
}));

test('the command line: help, mistakes, exit codes', async () => {
  const help = await kith(['--help']);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /serve/);
  assert.match((await kith(['token', 'create', '--help'])).stdout, /--user EMAIL/);
  assert.equal((await kith(['fly'])).code, 2);
  assert.equal((await kith([])).code, 2);
  assert.equal((await kith(['init'])).code, 2);
  assert.equal((await kith(['serve', '--data', '/nonexistent/kith'])).code, 1);
  assert.equal((await kith(['user', 'list', '--data', '/tmp', '--colour'])).code, 2);
});

test('a wrong configuration is refused with its line', () => within({ serve: false }, async (w) => {
  appendFileSync(path.join(w.dir, 'kith.conf'), 'workers = 1000\n');
  const r = await kith(['user', 'list', '--data', w.dir]);
  assert.equal(r.code, 1);
  assert.match(r.stderr, /kith.conf, line \d+: workers is a number from 2 to 64/);
}));

test('the shell does the same beside a server and without one', () => within({ serve: false }, async (w) => {
  const go = async (email) => {
    const add = await kith(['user', 'add', '--data', w.dir, '--email', email, '--name', "O'Shell", '--password-file', w.passwordFile, '--json']);
    assert.equal(add.code, 0, add.stderr);
    assert.equal(JSON.parse(add.stdout).created_via, 'shell');
    const list = await kith(['user', 'list', '--data', w.dir]);
    assert.match(list.stdout, new RegExp(email));
    const token = await w.tokenOf(email, '--scopes', 'read');
    assert.match(token, /^kith_/);
    const twice = await kith(['user', 'add', '--data', w.dir, '--email', email]);
    assert.equal(twice.code, 1);
    assert.match(twice.stderr, /email/);
    assert.equal((await kith(['user', 'password', '--data', w.dir, '--email', email, '--password-file', w.passwordFile])).code, 0);
    assert.equal((await kith(['user', 'deactivate', '--data', w.dir, '--email', email])).code, 0);
    assert.equal((await kith(['user', 'deactivate', '--data', w.dir, '--email', 'who@kith.example'])).code, 1);
    assert.equal((await kith(['token', 'list', '--data', w.dir])).code, 0);
  };
  await go('alone@kith.example');
  const server = await new Server(w.dir).start();
  await go('beside@kith.example');
  assert.equal((await server.stop()).code, 0);
}));

test('one process holds a folder', () => within({ single: true }, async (w) => {
  const second = await kith(['serve', '--data', w.dir, '--listen', '127.0.0.1:0']);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another process holds/);
}));

test('a graceful stop ends streams and answers what is under way', () => within({ single: true }, async (w) => {
  const s = listen(w.servers[0], w.token);
  await s.opened;
  const writes = Array.from({ length: 40 }, (_, i) => w.api('POST', '/companies', { name: `Stopping ${i}` }).catch(() => undefined));
  await sleep(5);
  const before = Date.now();
  const end = await w.servers[0].stop();
  assert.equal(end.code, 0, w.servers[0].log);
  assert.ok(Date.now() - before < 5000);
  await eventually(() => s.ended);
  const acknowledged = (await Promise.all(writes)).filter((r) => r?.status === 201);
  await w.servers[0].start();
  for (const r of acknowledged) assert.equal((await w.api('GET', `/companies/${r.body.id}`)).status, 200);
}));

test('a reload takes new limits and keeps serving', () => within({ single: true }, async (w) => {
  const big = { name: 'x', description: 'y'.repeat(20_000) };
  assert.equal((await w.api('POST', '/companies', big)).status, 201);
  appendFileSync(path.join(w.dir, 'kith.conf'), 'body_max = 16K\n');
  w.servers[0].process.kill('SIGHUP');
  await eventually(async () => (await w.api('POST', '/companies', big)).status === 413);
  appendFileSync(path.join(w.dir, 'kith.conf'), 'nonsense\n');
  w.servers[0].process.kill('SIGHUP');
  await eventually(() => /not reloaded.*nonsense/.test(w.servers[0].log));
  assert.equal((await w.api('GET', '/companies?limit=1')).status, 200);
}));

test('who asks too often waits', () => within({ single: true, conf: 'rate_per_minute = 30' }, async (w) => {
  const all = await Promise.all(Array.from({ length: 60 }, () => w.api('GET', '/me')));
  assert.ok(all.some((r) => r.status === 200));
  const limited = all.find((r) => r.status === 429);
  assert.equal(limited.body.code, 'rate_limited');
  assert.ok(limited.headers.get('retry-after'));
}));

test('only the configured host is answered', () => within({ single: true, conf: 'base_url = https://crm.example.com' }, async (w) => {
  const r = await w.api('GET', '/me');
  assert.equal(r.status, 421);
  assert.equal((await w.request('GET', '/healthz')).status, 200);
}));

test('an answer that is too costly says what it needs', () => within({ single: true, conf: 'query_budget = 100' }, async (w) => {
  const operations = Array.from({ length: 100 }, (_, i) => ({ method: 'POST', path: '/companies', body: { name: `Costly ${i}`, description: 'z'.repeat(2000) } }));
  for (let i = 0; i < 20; i++) assert.equal((await w.api('POST', '/batch', { operations })).status, 200);
  // within the small budget or not, the answer is the same
  const found = await w.api('GET', `/companies?fields=id&limit=200&count=true&where=${encodeURIComponent("description like '%zq%'")}`);
  assert.ok(found.status === 200 || (found.status === 422 && found.body.code === 'too_costly'), found.text);
}));

test('metrics for this machine, health for everybody', () => within({ single: true }, async (w) => {
  const m = await w.request('GET', '/metrics');
  assert.equal(m.status, 200);
  assert.match(m.text, /kith_http_answers_total\{class="2xx"\} \d+/);
  assert.match(m.text, /kith_up 1/);
  assert.equal((await w.request('GET', '/metrics', undefined, { 'x-forwarded-for': '203.0.113.1' })).status, 401);
  const h = await w.request('GET', '/healthz');
  assert.equal(h.text, 'ok\n');
  assert.equal((await w.request('HEAD', '/healthz')).text, '');
}));

test('a proxy that is trusted tells who is behind it', () => within({ single: true, conf: 'trusted_proxies = 127.0.0.1' }, async (w) => {
  const r = await w.request('POST', '/api/v1/login', { email: 'admin@kith.example', password: 'correct horse battery' },
    { 'x-forwarded-for': '198.51.100.9, 203.0.113.5', 'x-forwarded-proto': 'https' });
  assert.equal(r.status, 200);
  assert.match(r.headers.get('set-cookie'), /; Secure/);
  assert.match(r.headers.get('strict-transport-security'), /max-age/);
  const list = await w.api('GET', '/sessions');
  assert.equal(list.body.items[0].address, '203.0.113.5');
}));

test('broken requests close only their own connection', () => within({ single: true }, async (w) => {
  const u = new URL(w.servers[0].url);
  for (const bytes of ['\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
    'POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a"', 'GET / HTTP/1.1\r\nHost: x\r\n' + 'A: b\r\n'.repeat(20000),
    '\x16\x03\x01\x00\x00', Buffer.alloc(100_000, 255)]) {
    await new Promise((done) => {
      const s = net.connect(Number(u.port), u.hostname, () => { s.write(bytes); setTimeout(() => s.destroy(), 100); });
      s.on('error', () => {});
      s.on('close', done);
      s.on('data', () => {});
    });
  }
  assert.equal((await w.api('GET', '/me')).status, 200);
}));

test('TLS with an own certificate, replaced while running', () => within({ serve: false }, async (w) => {
  const make = (name) => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
      '-keyout', path.join(w.dir, 'tls.key'), '-out', path.join(w.dir, 'tls.pem')], { stdio: 'ignore' });
  };
  make('first.example');
  appendFileSync(path.join(w.dir, 'kith.conf'), `tls_certificate = ${w.dir}/tls.pem\ntls_key = ${w.dir}/tls.key\n`);
  const server = await new Server(w.dir).start();
  assert.match(server.url, /^https:/);
  const get = () => new Promise((done, failed) => {
    https.get(server.url + '/healthz', { rejectUnauthorized: false, agent: new https.Agent({ maxCachedSessions: 0 }) }, (r) => {
      const name = r.socket.getPeerCertificate().subject.CN;
      r.resume();
      r.on('end', () => done({ status: r.statusCode, name, hsts: r.headers['strict-transport-security'] }));
    }).on('error', failed);
  });
  const first = await get();
  assert.deepEqual(first, { status: 200, name: 'first.example', hsts: 'max-age=31536000' });
  make('second.example');
  server.process.kill('SIGHUP');
  await eventually(async () => (await get()).name === 'second.example');
  assert.equal((await server.stop()).code, 0);
}));

test('a killed server leaves a folder that serves again', { skip: POSTGRES ? 'of SQLite' : false }, () => within({ single: true }, async (w) => {
  const made = await w.api('POST', '/companies', { name: 'Survivor' });
  await w.servers[0].stop('SIGKILL');
  await w.servers[0].start();
  assert.equal((await w.api('GET', `/companies/${made.body.id}`)).body.name, 'Survivor');
  assert.ok(readFileSync(path.join(w.dir, 'key')).length === 32);
}));

test('a server that is killed or stopped in an import goes on with it when it starts again', { skip: POSTGRES ? 'of SQLite' : false }, () => within({ single: true }, async (w) => {
  const n = 15000;
  const text = 'Last Name,External id,Email\n' + Array.from({ length: n }, (_, k) => `Kill${k},kill${k},kill${k}@kill.example`).join('\n') + '\n';
  const headers = { authorization: `Bearer ${w.token}` };
  const file = await w.request('POST', '/api/v1/files?name=kill.csv', Buffer.from(text), { ...headers, 'content-type': 'text/csv' });
  const made = await w.api('POST', '/imports', { entity: 'contacts', file: file.body.id });
  const look = async () => (await w.api('GET', `/imports/${made.body.id}`)).body;
  await eventually(async () => (await look()).rows === n, 20);
  await w.api('POST', `/imports/${made.body.id}/start`, {});
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL']) {
    const at = (await look()).position ?? 0;
    await eventually(async () => (await look()).position > at, 20);
    const { code } = await w.servers[0].stop(signal);
    assert.equal(code, signal === 'SIGTERM' ? 0 : null);
    await w.servers[0].start();
    const { position, state } = await look();
    assert.ok(position < n && (state?.code ?? state) === 'running', `a stop ends it between two steps: ${position}`);
  }
  const done = await eventually(async () => { const i = await look(); return (i.state?.code ?? i.state) === 'done' ? i : null; }, 60);
  assert.deepEqual([done.created, done.rejected], [n, 0]);
  const rows = (await w.api('GET', `/contacts/aggregate?measure=count()&where=${encodeURIComponent("last_name like 'Kill%'")}`)).body.rows;
  assert.equal(rows[0]['count()'], n, 'no row lost, none doubled');
}));

test('an empty folder serves the set-up page, then the installation', { skip: POSTGRES ? 'of SQLite' : false }, async () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'kith-setup-'));
  const process = spawn(KITH, ['serve', '--data', dir, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  process.stdout.on('data', (d) => { out += d; });
  process.stderr.on('data', (d) => { out += d; });
  try {
    const url = new URL((await eventually(() => /open (http:\S+)/.exec(out)))[1]);
    assert.equal((await fetch(url.origin)).status, 403);
    assert.equal((await fetch(url.origin + '/setup?token=guess')).status, 403);
    const page = await fetch(url);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-security-policy'), /default-src 'none'/);
    assert.match(await page.text(), /<form method="post"/);
    const send = (fields) => fetch(url.origin + '/setup', { method: 'POST', body: new URLSearchParams({ token: url.searchParams.get('token'), email: 'first@kith.example', password: 'correct horse battery', currency: 'EUR', zone: 'UTC', ...fields }) });
    const bad = await send({ zone: '<Mars>' });
    assert.equal(bad.status, 422);
    assert.match(await bad.text(), /&#60;Mars&#62;/);
    const tongue = await send({ language: 'xx' });
    assert.equal(tongue.status, 422);
    assert.match(await tongue.text(), /there are de, en/);
    assert.equal((await send({ token: 'x' })).status, 403);
    assert.equal((await send({})).status, 200);
    await eventually(() => /kith: serving/.test(out));
    const login = await fetch(url.origin + '/api/v1/login', { method: 'POST', body: JSON.stringify({ email: 'first@kith.example', password: 'correct horse battery' }) });
    assert.equal(login.status, 200);
  } finally {
    const ended = new Promise((done) => process.on('exit', done));
    process.kill('SIGTERM');
    assert.equal(await ended, 0, out);
    rmSync(dir, { recursive: true, force: true });
  }
});

test('a part of a file, and the whole where what was asked for is no part', () => within({ single: true }, async (w) => {
  const text = 'one,two\n1,2\n';
  const up = await fetch(`${w.servers[0].url}/api/v1/files?name=a.csv`, { method: 'POST', headers: { authorization: `Bearer ${w.token}`, 'content-type': 'text/csv' }, body: text });
  const { id } = await up.json();
  for (const [range, status, part] of [['bytes=0-2', 206, 'one'], ['bytes=4-', 206, text.slice(4)], ['bytes=-4', 206, text.slice(-4)], ['bytes=0-999', 206, text], ['bytes=5-2', 200, text], ['bytes=x', 200, text], ['bytes=1-2,4-5', 200, text], ['bytes=99-', 416, null]]) {
    const r = await fetch(`${w.servers[0].url}/api/v1/files/${id}/content`, { headers: { authorization: `Bearer ${w.token}`, range } });
    const body = await r.text();
    assert.equal(r.status, status, range);
    if (part !== null) assert.equal(body, part, range);
  }
}));
