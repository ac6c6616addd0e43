// Bad input: each answers with a status, a field and a sentence that a person understands.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { rawRequest, world } from '../kith.mjs';

let w;
before(async () => { w = await world({ conf: 'body_max = 64K' }); });
after(() => w.close());

function refused(r, status, field) {
  assert.equal(r.status, status, r.text?.slice(0, 300));
  assert.match(r.headers.get('content-type'), /^application\/problem\+json/);
  const p = r.body;
  assert.equal(p.status, status);
  assert.match(p.code, /^[a-z_]+$/);
  assert.ok(p.title && p.detail && p.type);
  assert.equal(p.request, r.headers.get('x-request-id'));
  if (field) assert.ok(p.errors.some((e) => e.field === field && e.message.length > 5), JSON.stringify(p.errors));
  assert.doesNotMatch(r.text, /SELECT|sqlite|\.c:/i);
}

test('fields: unknown, of the wrong kind, too long, missing, several at once', async () => {
  refused(await w.api('POST', '/contacts', { last_name: 'A', colour: 'red' }), 422, 'colour');
  refused(await w.api('POST', '/contacts', { last_name: 5 }), 422, 'last_name');
  refused(await w.api('POST', '/contacts', { last_name: 'x'.repeat(5000) }), 422, 'last_name');
  refused(await w.api('POST', '/companies', { external_id: 'e' }), 422, 'name');
  refused(await w.api('POST', '/contacts', { emails: [{ address: 'nobody' }] }), 422, 'emails[0]');
  refused(await w.api('POST', '/contacts', { birthday: '2001-02-30', last_name: 'A' }), 422, 'birthday');
  refused(await w.api('POST', '/contacts', { company: 999999, last_name: 'A' }), 422, 'company');
  const several = await w.api('POST', '/contacts', { colour: 1, last_name: {}, birthday: 'x' });
  refused(several, 422, 'birthday');
  assert.equal(several.body.errors.length, 3);
});

test('bodies: not JSON, not an object, broken UTF-8, U+0000, deep, none', async () => {
  refused(await w.api('POST', '/contacts', '{"a":'), 400);
  refused(await w.api('POST', '/contacts', '[1]'), 400);
  refused(await w.api('POST', '/contacts', '"x"'), 400);
  refused(await w.api('POST', '/contacts', '{"a":1,"a":2}'), 400);
  refused(await w.api('POST', '/contacts', ''), 400);
  refused(await w.api('POST', '/contacts', '['.repeat(30000)), 400);
  refused(await w.api('POST', '/contacts', '{"last_name":"a\\u0000b"}'), 400);
  refused(await w.api('POST', '/contacts', Buffer.from('{"last_name":"\xff\xfe"}', 'latin1')), 400);
  refused(await w.api('POST', '/contacts', '{"last_name":"\\ud800"}'), 400);
  refused(await w.api('POST', '/contacts', '{"last_name": 1e999}'), 400);
});

test('bodies that are too large, told or not', async () => {
  const big = JSON.stringify({ last_name: 'x'.repeat(100_000) });
  refused(await w.api('POST', '/contacts', big), 413);
  const chunked = await new Promise((done, failed) => {
    const u = new URL(w.server.url);
    const s = net.connect(Number(u.port), u.hostname, () => {
      s.write(`POST /api/v1/contacts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${w.token}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`);
      for (let i = 0; i < 10; i++) s.write('4000\r\n' + 'x'.repeat(0x4000) + '\r\n');
      s.write('0\r\n\r\n');
    });
    let text = '';
    s.on('data', (d) => { text += d; });
    s.on('close', () => done(text));
    s.on('error', failed);
  });
  assert.match(chunked, /^HTTP\/1.1 413/);
});

test('addresses: broken escapes, U+0000, broken UTF-8, too long, too many parameters', async () => {
  const headers = { authorization: `Bearer ${w.token}` };
  const get = async (path) => {
    const r = await rawRequest(w.server.url, { path, headers });
    return { ...r, headers: new Headers(r.headers), body: JSON.parse(r.text) };
  };
  refused(await get('/api/v1/contacts/%zz'), 400);
  refused(await get('/api/v1/contacts?where=%00'), 400);
  refused(await get('/api/v1/contacts?where=%ff'), 400);
  refused(await get('/api/v1/contacts?where=%e2%82'), 400);
  refused(await get('/api/v1/contacts?' + 'a=1&'.repeat(40)), 400);
  refused(await get('/api/v1/a/b/c/d/e/f/g/h/i/j'), 404);
  const long = await rawRequest(w.server.url, { path: '/api/v1/contacts?where=' + 'x'.repeat(60_000), headers });
  assert.ok([414, 431].includes(long.status), String(long.status));
});

test('parameters: unknown, out of bounds, not an expression', async () => {
  refused(await w.api('GET', '/contacts?limt=5'), 422, 'limt');
  refused(await w.api('GET', '/contacts?limit=0'), 422, 'limit');
  refused(await w.api('GET', '/contacts?limit=201'), 422, 'limit');
  refused(await w.api('GET', '/contacts?limit=x'), 422, 'limit');
  refused(await w.api('GET', '/contacts?bin=maybe'), 422, 'bin');
  refused(await w.api('GET', '/contacts?where=colour%3D1'), 422, 'where');
  refused(await w.api('GET', '/contacts?where=last_name%20%3D'), 422, 'where');
  refused(await w.api('GET', '/contacts?sort=colour'), 422, 'sort');
  refused(await w.api('GET', '/contacts?fields=colour'), 422, 'fields');
  refused(await w.api('GET', '/contacts?after=nonsense'), 422, 'after');
  refused(await w.api('GET', '/contacts/aggregate?measure=nope()'), 422, 'measure');
});

test('what is not there, and what it takes instead', async () => {
  refused(await w.api('GET', '/unicorns'), 404);
  refused(await w.api('GET', '/contacts/99999999'), 404);
  refused(await w.api('GET', '/contacts/abc'), 404);
  refused(await w.api('GET', '/contacts/-1'), 404);
  refused(await w.api('GET', '/feed'), 404);
  refused(await w.api('GET', '/contact'), 404);
  refused(await w.api('POST', '/contacts/fly', {}), 404);
  const put = await w.api('PUT', '/contacts/1', {});
  refused(put, 405);
  assert.match(put.headers.get('allow'), /GET.*PATCH.*DELETE/);
  const login = await w.api('GET', '/login');
  refused(login, 405);
  assert.equal(login.headers.get('allow'), 'POST');
  refused(await w.api('DELETE', '/contacts'), 405);
});

test('business rules: a loop of parents, a unique key taken twice', async () => {
  const a = await w.api('POST', '/teams', { name: 'A' });
  const b = await w.api('POST', '/teams', { name: 'B', parent: a.body.id });
  const loop = await w.api('PATCH', `/teams/${a.body.id}`, { parent: b.body.id });
  assert.ok([409, 422].includes(loop.status), loop.text);
  refused(await w.api('POST', '/teams', { name: 'A' }), 409, 'name');
});

test('every answer carries the headers that keep browsers in bounds', async () => {
  for (const r of [await w.api('GET', '/contacts'), await w.api('GET', '/nothing'), await w.request('GET', '/', undefined, { accept: 'text/html' })]) {
    assert.equal(r.headers.get('x-content-type-options'), 'nosniff');
    assert.match(r.headers.get('content-security-policy'), /default-src 'none'/);
    assert.match(r.headers.get('content-security-policy'), /frame-ancestors 'none'/);
    assert.equal(r.headers.get('cache-control'), 'no-store');
    assert.match(r.headers.get('x-request-id'), /^[0-9a-f]{16}$/);
  }
});

test('the page has a fresh nonce each time, files are kept, and a missing file is not the page', async () => {
  const one = await w.request('GET', '/contacts/5', undefined, { accept: 'text/html' });
  const two = await w.request('GET', '/', undefined, { accept: 'text/html' });
  const nonce = (r) => /nonce-([\w-]+)/.exec(r.headers.get('content-security-policy'))[1];
  assert.equal(one.status, 200);
  assert.notEqual(nonce(one), nonce(two));
  assert.ok(one.text.includes(nonce(one)));
  assert.equal((await w.request('GET', '/assets/gone.js', undefined, { accept: 'text/html' })).status, 404);
  assert.equal((await w.request('POST', '/', {})).status, 405);
});
