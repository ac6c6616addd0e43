// Senders that are slow, bodies of strangers, and outsiders who want to keep somebody out.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { cookiesOf, PASSWORD, sleep, world } from '../kith.mjs';

let w;
before(async () => { w = await world({ conf: 'head_seconds = 1\nbody_seconds = 4\nbody_rate = 1K\ntrusted_proxies = 127.0.0.1' }); });
after(() => w.close());

// Sends pieces, one each so many milliseconds; what came back, and after how long the other end closed.
function send(pieces, every, { first = '' } = {}) {
  const { hostname, port } = new URL(w.servers[0].url);
  return new Promise((done) => {
    const from = Date.now();
    let got = '';
    const s = net.connect(Number(port), hostname, () => { if (first) s.write(first); });
    let i = 0;
    const timer = setInterval(() => { if (i < pieces.length) s.write(pieces[i++]); }, every);
    const end = () => { clearInterval(timer); done({ got, sent: i, after: Date.now() - from }); };
    s.on('data', (d) => { got += d; });
    s.on('close', end);
    s.on('error', () => {});
    setTimeout(() => s.destroy(), 12000);
  });
}
const metric = async (name) => Number(new RegExp(`^kith_${name} (\\d+)`, 'm').exec(await (await fetch(`${w.servers[0].url}/metrics`)).text())[1]);
const letters = (n) => Array.from({ length: n }, () => 'x');

test('a head that trickles in ends the connection, of the first request and of a later one', async () => {
  const slow = await metric('http_slow_senders_total');
  const one = await send(['GET /healthz HTTP/1.1\r\n', 'Host: x\r\n', ...letters(100)], 100);
  assert.equal(one.got, '');
  assert.ok(one.after >= 1000 && one.after < 4000, `${one.after} ms`);
  const idle = await send([], 100);
  assert.ok(idle.after < 4000, `${idle.after} ms`);
  const later = await send(['GET /healthz HTTP/1.1\r\nHo', ...letters(100)], 100, { first: 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n' });
  assert.equal(later.got.match(/HTTP\/1\.1 200/g).length, 1, later.got);
  assert.ok(later.after < 4000, `${later.after} ms`);
  assert.equal(await metric('http_slow_senders_total'), slow + 3);
});

test('a body that trickles in ends the connection; one that is fast enough does not', async () => {
  const head = (n) => `POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: ${n}\r\nConnection: close\r\n\r\n`;
  const slow = await send(letters(200), 100, { first: head(200) });
  assert.equal(slow.got, '');
  assert.ok(slow.after >= 1000 && slow.after < 5000, `${slow.after} ms`);
  // 2 KB a second, for longer than head_seconds
  const body = JSON.stringify({ email: 'nobody@kith.example', password: 'x'.repeat(4000) });
  const fast = await send(body.match(/[^]{1,200}/g), 100, { first: head(body.length) });
  assert.match(fast.got, /^HTTP\/1\.1 401/);
  assert.ok(fast.after > 1800, `${fast.after} ms`);
  // fast enough, but without end
  const long = await send(Array.from({ length: 200 }, () => 'x'.repeat(300)), 100, { first: head(60000) });
  assert.equal(long.got, '');
  assert.ok(long.after >= 4000 && long.after < 8000, `${long.after} ms`);
});

test('a connection that waits between two requests, or for an answer, is left alone', async () => {
  const { hostname, port } = new URL(w.servers[0].url);
  const got = await new Promise((done, failed) => {
    let all = '';
    const s = net.connect(Number(port), hostname, () => s.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'));
    s.on('data', (d) => { all += d; });
    s.on('error', failed);
    s.on('close', () => done(all));
    setTimeout(() => s.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), 3000);
  });
  assert.equal(got.match(/HTTP\/1\.1 200/g)?.length, 2, got);
  const r = await fetch(`${w.servers[0].url}/api/v1/changes`, { headers: { authorization: `Bearer ${w.token}` } });
  const stream = r.body.getReader();
  await stream.read();
  const next = stream.read();
  await new Promise((done) => setTimeout(done, 3000));
  await w.api('POST', '/contacts', { last_name: 'Streamed' });
  assert.match(new TextDecoder().decode((await next).value), /contact|:/);
  await stream.cancel();
});

// What comes back when only the head was sent, and the body is held back.
function headOnly(method, path, headers, body = '') {
  const { hostname, port } = new URL(w.servers[0].url);
  return new Promise((done) => {
    let got = '';
    const lines = Object.entries(headers).map(([k, v]) => `${k}: ${v}\r\n`).join('');
    const s = net.connect(Number(port), hostname, () => s.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n${lines}\r\n${body}`));
    s.on('data', (d) => { got += d; });
    s.on('close', () => done(got));
    s.on('error', () => {});
    setTimeout(() => s.destroy(), 900);
  });
}

test('a large body of a stranger is refused before it is read', async () => {
  const large = { 'Content-Length': 200000, 'Content-Type': 'application/json' };
  const bearer = (t) => ({ authorization: `Bearer ${t}` });
  assert.match(await headOnly('POST', '/api/v1/contacts', large), /^HTTP\/1\.1 401/);
  assert.match(await headOnly('POST', '/api/v1/files?name=a.bin', { ...large, 'Content-Length': 100000000 }), /^HTTP\/1\.1 401/);
  assert.match(await headOnly('POST', '/api/v1/login', large), /^HTTP\/1\.1 413/);
  assert.match(await headOnly('POST', '/nowhere', large), /^HTTP\/1\.1 413/);
  assert.match(await headOnly('POST', '/api/v1/nothing/is/here/at/all', large), /^HTTP\/1\.1 404/);
  assert.match(await headOnly('POST', '/api/v1/contacts', { 'Content-Length': 9000000, ...bearer(w.token) }), /^HTTP\/1\.1 413/);
  // one whom the server must look up first
  assert.match(await headOnly('POST', '/api/v1/contacts', { ...large, ...bearer('kith_made_up') }), /^HTTP\/1\.1 401/);
  assert.match(await headOnly('POST', '/api/v1/contacts', { ...large, ...bearer('kith_made_up') }, 'x'.repeat(200000)), /^HTTP\/1\.1 401/);
});

test('a large body of somebody known is taken, chunked or not; a small one of a stranger is read', async () => {
  const fresh = await w.tokenOf('admin@kith.example'); // no server has seen it yet
  const rows = Array.from({ length: 4000 }, (_, i) => [`Large${i}`, 'x'.repeat(20)]);
  const text = JSON.stringify({ columns: ['last_name', 'nickname'], rows: rows.slice(0, 1000), dry_run: true }).padEnd(150000, ' ');
  const r = await w.as(fresh)('POST', '/contacts/import', text);
  assert.equal(r.status, 200, r.text);
  const chunked = await fetch(`${w.servers[0].url}/api/v1/files?name=chunked.bin`, { method: 'POST', duplex: 'half',
    headers: { authorization: `Bearer ${await w.tokenOf('admin@kith.example')}`, 'content-type': 'application/octet-stream' },
    body: new ReadableStream({ start(c) { for (let i = 0; i < 30; i++) c.enqueue(new Uint8Array(100000)); c.close(); } }) });
  assert.equal(chunked.status, 201, await chunked.text());
  assert.equal((await w.request('POST', '/api/v1/contacts', { last_name: 'x'.repeat(60000) })).status, 401);
  const stranger = await fetch(`${w.servers[0].url}/api/v1/login`, { method: 'POST', duplex: 'half', body: new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('{"email":"a@b.example","password":"0123456789"}')); c.close(); } }) });
  assert.equal(stranger.status, 401);
});

test('a model that changes while a large body comes is held once and given back once', async (t) => {
  const own = await world(); // without the short limits of the others: what is kept open between two requests stays open
  t.after(() => own.close());
  for (const server of own.servers) {
    for (let i = 0; i < 3; i++) {
      const made = await own.request('POST', '/api/v1/files?name=slow.bin', undefined, {}, server); // a stranger, without a body
      assert.equal(made.status, 401);
      const r = await fetch(`${server.url}/api/v1/files?name=slow.bin`, { method: 'POST', duplex: 'half',
        headers: { authorization: `Bearer ${own.token}`, 'content-type': 'application/octet-stream' },
        body: new ReadableStream({ async start(c) {
          c.enqueue(new Uint8Array(100000));
          await sleep(200);
          let field;
          const making = own.request('POST', '/api/v1/fields', { entity: 'contact', name: `x_m${own.servers.indexOf(server)}${i}`, kind: 'text', label: 'M' }, { authorization: `Bearer ${own.token}` }, server).then((x) => { field = x; });
          while (!field) { await Promise.race([making, sleep(200)]); c.enqueue(new Uint8Array(2000)); } // fast enough, however long that takes
          assert.equal(field.status, 201, field.text);
          c.enqueue(new Uint8Array(100000));
          c.close();
        } }) });
      assert.equal(r.status, 201, await r.text());
    }
    for (let i = 0; i < 20; i++) assert.equal((await own.request('GET', '/api/v1/meta', undefined, { authorization: `Bearer ${own.token}` }, server)).status, 200);
  }
});

// Signing in from an address of the world's, as the trusted proxy names it.
const from = (address, cookie) => ({ 'x-forwarded-for': address, ...(cookie && { cookie }) });
const signIn = (email, password, headers, totp) => w.request('POST', '/api/v1/login', { email, password, ...(totp && { totp }) }, headers);
const deviceOf = (r) => cookiesOf(r).find((c) => c.startsWith('kith_device=')).split(';')[0];
const admin = 'admin@kith.example';

test('an outsider who fails to sign in does not keep the owner of the e-mail out', async () => {
  for (let net = 1; net <= 4; net++) for (let i = 0; i < 10; i++) assert.equal((await signIn(admin, 'wrong wrong wrong', from(`198.51.${net}.${i + 1}`))).status, 401);
  // each of those networks waits, with the right password too, and for each way to write the address
  assert.equal((await signIn(admin, PASSWORD, from('198.51.1.77'))).status, 429);
  assert.equal((await signIn('ADMIN@kith.example', PASSWORD, from('::ffff:198.51.1.77'))).status, 429);
  const own = await signIn(admin, PASSWORD, from('203.0.113.5'));
  assert.equal(own.status, 200, own.text);
  // others in those networks sign in
  await w.user('other@kith.example');
  assert.equal((await signIn('other@kith.example', 'not his password', from('198.51.1.77'))).status, 401);
});

test('a network that fails for many waits as a whole, but for devices it knows', async () => {
  const known = await signIn(admin, PASSWORD, from('2001:db8:1:2::5'));
  assert.equal(known.status, 200);
  const device = deviceOf(known);
  assert.match(cookiesOf(known).join('\n'), /kith_device=[^;]+; Path=\/api\/v1\/login; HttpOnly; SameSite=Strict; Max-Age=15552000/);
  for (let i = 0; i < 50; i++) assert.equal((await signIn(`guess${i}@kith.example`, 'wrong wrong wrong', from(`2001:db8:1:2::${i + 10}`))).status, 401);
  assert.equal((await signIn(admin, PASSWORD, from('2001:db8:1:2::99'))).status, 429);
  assert.equal((await signIn(admin, PASSWORD, from('2001:db8:1:3::99'))).status, 200);
  assert.equal((await signIn(admin, PASSWORD, from('2001:db8:1:2::5', device))).status, 200);
  // a cookie that somebody made, that is of another or was bent, is none
  const [user, day, name, mac] = device.slice('kith_device='.length).split('.');
  for (const bad of [`${user}.${day}.made-up.${mac}`, `${Number(user) + 1}.${day}.${name}.${mac}`, `${user}.${Number(day) + 9}.${name}.${mac}`, `${user}.${day}.${name}.`, `${user}.${day}`, ''])
    assert.equal((await signIn(admin, PASSWORD, from('2001:db8:1:2::5', `kith_device=${bad}`))).status, 429, bad);
});

test('a device that is known has its own budget, of ten failures', async () => {
  const device = deviceOf(await signIn(admin, PASSWORD, from('192.0.2.1')));
  for (let i = 0; i < 10; i++) assert.equal((await signIn(admin, 'wrong wrong wrong', from(`192.0.${i + 10}.1`, device))).status, 401);
  assert.equal((await signIn(admin, PASSWORD, from('192.0.2.1', device))).status, 429);
  // the network was not charged for it
  assert.equal((await signIn(admin, PASSWORD, from('192.0.2.1'))).status, 200);
  // the cookie of one user is nothing for another
  await w.user('second@kith.example');
  assert.equal((await signIn('second@kith.example', 'wrong wrong wrong', from('192.0.3.1', device))).status, 401);
});
