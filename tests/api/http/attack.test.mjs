// What a tester with fresh eyes got through once, and must not again.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';

import { world } from '../kith.mjs';

let w, mal, company, contact, secret;
before(async () => {
  w = await world();
  mal = await w.user('mal@mail.example', ['contact', 'company', 'note', 'task'].map((entity) =>
    ({ entity, read: 'own', create: 'own', update: 'own', delete: 'own', export: 'own' })));
  company = (await w.api('POST', '/companies', { name: 'Hidden Ltd', employees: 32, notes: 'comp secret' })).body.id;
  secret = (await w.api('POST', '/contacts', { last_name: 'Unseen', nickname: 'Nick', birthday: '1981-08-25' })).body.id;
  await w.api('PATCH', `/contacts/${secret}`, { nickname: 'Other' });
  contact = (await w.api('POST', '/contacts', { last_name: 'Mine', company, reports_to: secret, owner: mal.id })).body.id;
  await w.api('POST', '/notes', { title: 'zzsecret', body: 'zzsecret', contact });
});
after(async () => { await w.close(); });

const q = encodeURIComponent;

test('history is for who may read the record', async () => {
  assert.equal((await mal.api('GET', `/contacts/${secret}`)).status, 404);
  assert.equal((await mal.api('GET', `/contacts/${secret}/history`)).status, 404);
  assert.equal((await mal.api('GET', '/contacts/99999/history')).status, 404);
  assert.equal((await w.api('GET', `/contacts/${secret}/history`)).body.items[0].before.nickname, 'Nick');
});

test('an expression does not look behind references and children that one may not read', async () => {
  const seen = await mal.api('GET', `/contacts/aggregate?measure=count()&group=${q('company.employees')}`);
  assert.equal(seen.status, 200, seen.text);
  assert.doesNotMatch(seen.text, /32/);
  assert.doesNotMatch((await mal.api('GET', `/contacts/aggregate?measure=${q('sum(company.employees)')}`)).text, /32/);
  for (const where of ["reports_to.last_name = 'unseen'", "any(notes where body contains 'zzsecret')", 'count(notes) > 0', "company.name starts with 'hid'"]) {
    const r = await mal.api('GET', `/contacts?where=${q(where)}`);
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.body.items, [], where);
    assert.equal((await w.api('GET', `/contacts?where=${q(where)}&fields=id`)).body.items.length > 0, true, where);
    const why = await mal.api('GET', `/explain?entity=contact&id=${contact}&where=${q(where)}`);
    assert.equal(why.body.holds, false, where);
    assert.doesNotMatch(why.text, /"value":"(unseen|Unseen|zzsecret)/i);
  }
  assert.equal((await mal.api('GET', `/contacts/${contact}?fields=company`)).body.company.name, '');
});

test('a token limited to scopes neither undoes, nor revokes, nor cancels', async () => {
  const read = w.as(await w.tokenOf('admin@kith.example', '--scopes', 'read').catch(() => null));
  const made = await w.api('POST', '/tokens', { name: 'reader', scopes: 'read' });
  const reader = made.status === 201 ? w.as(made.body.token) : read;
  const sets = await w.api('GET', '/change_sets');
  const set = sets.body.items[0].id;
  assert.equal((await reader('POST', '/undo', { change_set: set })).status, 403);
  assert.equal((await reader('DELETE', '/tokens/1')).status, 403);
  assert.equal((await reader('GET', '/tokens')).status, 403);
  assert.equal((await reader('POST', '/jobs/1/cancel', {})).status, 403);
  assert.equal((await reader('GET', '/contacts?limit=1')).status, 200);
});

test('a secret is not kept for a second time', async () => {
  const r = await mal.api('POST', '/tokens', { name: 'again' }, { 'idempotency-key': 'tk' });
  assert.equal(r.status, 422, r.text);
});

test('thousands of unknown members cost little', async () => {
  const body = Object.fromEntries(Array.from({ length: 40000 }, (_, i) => ['k' + i, 1]));
  const from = Date.now();
  assert.equal((await w.request('POST', '/api/v1/login', body)).status, 413);
  const few = Object.fromEntries(Object.entries(body).slice(0, 5000));
  assert.equal((await w.request('POST', '/api/v1/login', few)).status, 422);
  assert.equal((await mal.api('POST', '/contacts', body)).status >= 400, true);
  assert.ok(Date.now() - from < 5000, `${Date.now() - from} ms`);
});

test('a share for writing does not lead to taking over', async () => {
  const id = (await w.api('POST', '/contacts', { last_name: 'Lent' })).body.id;
  await w.api('POST', '/shares', { record: { entity: 'contact', id }, user: mal.id, level: 'write' });
  assert.equal((await mal.api('PATCH', `/contacts/${id}`, { nickname: 'L' })).status, 200);
  assert.equal((await mal.api('PATCH', `/contacts/${id}`, { owner: mal.id })).status, 403);
  assert.equal((await mal.api('DELETE', `/contacts/${id}`)).status, 403);
});

test('a piece of a hidden list is hidden', async () => {
  const blind = await w.user('blind@mail.example', [{ entity: 'contact', read: 'all' }]);
  const roles = await w.api('GET', `/roles?where=${q("name = 'role of blind@mail.example'")}`);
  await w.api('POST', '/field_grants', { role: roles.body.items[0].id, entity: 'contact', field: 'phones', level: 'hidden' });
  const id = (await w.api('POST', '/contacts', { last_name: 'Phoned', phones: ['+4930123456'] })).body.id;
  assert.doesNotMatch((await blind.api('GET', `/contacts/${id}`)).text, /123456/);
  assert.equal((await blind.api('GET', '/contacts?fields=phone')).status, 422);
});

test('a body whose length is said twice is refused', async () => {
  const { hostname, port } = new URL(w.servers[0].url);
  const answer = await new Promise((done, failed) => {
    const s = net.connect(Number(port), hostname, () => s.write('POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 30\r\n\r\n{}GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'));
    let all = '';
    s.on('data', (d) => { all += d; });
    s.on('close', () => done(all));
    s.on('error', failed);
    setTimeout(() => s.destroy(), 3000);
  });
  assert.match(answer, /^HTTP\/1\.1 400/);
  assert.equal(answer.match(/HTTP\/1\.1/g).length, 1, answer);
});

test('a request names one host, and no encoding that is not known', async () => {
  const { hostname, port } = new URL(w.servers[0].url);
  const ask = (head) => new Promise((done, failed) => {
    const s = net.connect(Number(port), hostname, () => s.write(head.join('\r\n') + '\r\n\r\n'));
    let all = '';
    s.on('data', (d) => { all += d; if (/\r\n\r\n/.test(all)) s.destroy(); });
    s.on('close', () => done(all.split('\r\n')[0]));
    s.on('error', failed);
    setTimeout(() => s.destroy(), 3000);
  });
  assert.match(await ask(['GET /healthz HTTP/1.1', 'Host: x']), / 200 /);
  assert.match(await ask(['GET /healthz HTTP/1.0']), / 200 /);
  assert.match(await ask(['GET /healthz HTTP/1.1']), / 400 /);
  assert.match(await ask(['GET /healthz HTTP/1.1', 'Host: x', 'Host: y']), / 400 /);
  assert.match(await ask(['POST /api/v1/login HTTP/1.1', 'Host: x', 'Transfer-Encoding: gzip, chunked']), / 501 /);
  // what a folded line or a space before the colon makes of a name
  for (const lines of [['Content-Length:', ' 2'], ['Content-Length: 2', ' 5'], ['Content-Length: 12', 'Transfer-Encoding:', ' chunked'], ['Content-Length: 5', 'Transfer-Encoding : chunked']])
    assert.match(await ask(['POST /api/v1/login HTTP/1.1', 'Host: x', ...lines]), / 400 /, lines.join('|'));
});

test('a file whose name would be read backwards is refused', async () => {
  for (const sign of ['\u202e', '\u2066']) assert.equal((await w.request('POST', `/api/v1/files?name=${encodeURIComponent(`photo${sign}gpj.exe`)}`, 'x', { authorization: `Bearer ${w.token}` })).status, 422);
  const kept = await w.request('POST', '/api/v1/files?name=photo.txt', 'x', { authorization: `Bearer ${w.token}` });
  assert.equal((await w.api('PATCH', `/files/${kept.body.id}`, { name: 'a\u202egpj.exe' })).status, 422);
  assert.equal((await w.api('PATCH', `/files/${kept.body.id}`, { name: 'a\r\nX: y' })).status, 422);
  assert.equal((await w.api('PATCH', `/files/${kept.body.id}`, { name: 'other.txt' })).status, 200);
  assert.equal((await w.api('POST', '/files/upsert?key=external_id', { external_id: 'z2', name: 'none.txt' })).status, 409);
  assert.equal((await w.request('POST', `/api/v1/files?name=${encodeURIComponent('שלום\u200f.txt')}`, 'x', { authorization: `Bearer ${w.token}` })).status, 201);
});
