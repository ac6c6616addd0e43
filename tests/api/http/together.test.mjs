// Several operations as one, the same request twice, and the stream of what changed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, listen, sleep, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(() => w.close());

const count = async (name) => {
  const r = await w.api('GET', `/companies/aggregate?measure=count()&where=${encodeURIComponent(`name = '${name}'`)}`);
  return r.body.rows[0]?.['count()'] ?? 0;
};

test('a batch does all or nothing', async () => {
  const one = await w.api('POST', '/companies', { name: 'Batch one' });
  const done = await w.api('POST', '/batch', { operations: [
    { method: 'POST', path: '/companies', body: { name: 'Batch two' } },
    { method: 'PATCH', path: `/companies/${one.body.id}`, body: { name: 'Batch 1' }, if_match: '"1"' },
    { method: 'GET', path: `/api/v1/companies/${one.body.id}?fields=id,name` },
    { method: 'POST', path: '/companies/upsert?key=external_id', body: { name: 'Batch three', external_id: 'b3' } },
    { method: 'DELETE', path: `/companies/${one.body.id}` },
  ] });
  assert.equal(done.status, 200, done.text);
  assert.deepEqual(done.body.results.map((r) => r.status), [201, 200, 200, 201, 204]);
  assert.equal(done.body.results[1].etag, '"2"');
  assert.deepEqual(done.body.results[2].body, { id: one.body.id, name: 'Batch 1' });
  assert.equal(done.body.results[4].body, null);
  const sets = await w.api('GET', '/change_sets?limit=2');
  const undone = await w.api('POST', '/undo', { change_set: sets.body.items[0].id });
  assert.equal(undone.status, 200, undone.text);
  assert.equal(await count('Batch two'), 0);
});

test('a batch that fails names the operation and leaves nothing', async () => {
  const r = await w.api('POST', '/batch', { operations: [
    { method: 'POST', path: '/companies', body: { name: 'Half done' } },
    { method: 'POST', path: '/companies', body: { name: 'Half', colour: 'red' } },
  ] });
  assert.equal(r.status, 422);
  assert.equal(r.body.index, 1);
  assert.equal(r.body.errors[0].field, 'operations[1].colour');
  assert.equal(await count('Half done'), 0);
  const missing = await w.api('POST', '/batch', { operations: [{ method: 'DELETE', path: '/companies/999999' }] });
  assert.equal(missing.status, 404);
  assert.equal(missing.body.index, 0);
  for (const operations of [[], 'x', Array(101).fill({ method: 'GET', path: '/companies/1' }), [{ method: 'GET', path: '/companies' }], [{ method: 'POST', path: '/batch', body: {} }], [5]]) {
    const bad = await w.api('POST', '/batch', { operations });
    assert.ok(bad.status === 422 || bad.status === 400, bad.text);
  }
});

test('the same request twice has one effect', async () => {
  const h = { 'idempotency-key': 'key-1' };
  const first = await w.api('POST', '/companies', { name: 'Once' }, h);
  const again = await w.api('POST', '/companies', { name: 'Once' }, h);
  assert.equal(again.status, 201);
  assert.equal(again.text, first.text);
  assert.equal(again.headers.get('location'), first.headers.get('location'));
  assert.equal(again.headers.get('etag'), first.headers.get('etag'));
  assert.equal(again.headers.get('idempotent-replayed'), 'true');
  assert.equal(await count('Once'), 1);
  const other = await w.api('POST', '/companies', { name: 'Other' }, h);
  assert.equal(other.status, 422);
  assert.equal(other.body.errors[0].field, 'Idempotency-Key');
  const failed = await w.api('POST', '/companies', { colour: 1 }, { 'idempotency-key': 'key-2' });
  assert.equal(failed.status, 422);
  assert.equal((await w.api('POST', '/companies', { name: 'Mended' }, { 'idempotency-key': 'key-2' })).status, 201);
  const gone = await w.api('DELETE', `/companies/${first.body.id}`, undefined, { 'idempotency-key': 'key-3' });
  const goneAgain = await w.api('DELETE', `/companies/${first.body.id}`, undefined, { 'idempotency-key': 'key-3' });
  assert.equal(gone.status, 204);
  assert.equal(goneAgain.status, 204);
  assert.equal((await w.api('POST', '/companies', { name: 'x' }, { 'idempotency-key': 'k'.repeat(300) })).status, 422);
});

test('the same key at the same time has one effect', async () => {
  const all = await Promise.all(Array.from({ length: 12 }, () =>
    w.api('POST', '/companies', { name: 'At once' }, { 'idempotency-key': 'race' })));
  assert.deepEqual(new Set(all.map((r) => r.status)), new Set([201]), all.map((r) => r.text).join());
  assert.equal(new Set(all.map((r) => r.body.id)).size, 1);
  assert.equal(await count('At once'), 1);
});

test('writers at the same time lose nothing', async () => {
  const all = await Promise.all(Array.from({ length: 60 }, (_, i) => w.api('POST', '/companies', { name: 'Crowd', external_id: `crowd-${i}` })));
  assert.ok(all.every((r) => r.status === 201), all.find((r) => r.status !== 201)?.text);
  assert.equal(new Set(all.map((r) => r.body.id)).size, 60);
  assert.equal(await count('Crowd'), 60);
});

test('the stream tells what changes, to each what he may read', async () => {
  const own = await w.user('listener@kith.example', [{ entity: 'company', read: 'own', create: 'all' }]);
  const streams = w.servers.flatMap((s) => [listen(s, w.token), listen(s, own.token)]);
  await Promise.all(streams.map((s) => s.opened));
  const secret = await w.api('POST', '/companies', { name: 'Secret' });
  const mine = await own.api('POST', '/companies', { name: 'Mine' });
  await w.api('PATCH', `/companies/${secret.body.id}`, { name: 'More secret' });
  for (const [i, s] of streams.entries()) {
    const admin = i % 2 === 0;
    await eventually(() => s.events.some((e) => e.data.id === (admin ? secret : mine).body.id && e.data.entity === 'company'));
    if (admin) {
      const change = await eventually(() => s.events.find((e) => e.data.kind === 'update' && e.data.id === secret.body.id));
      assert.ok(change.data.fields.includes('name'));
      assert.equal(change.event, 'change');
      assert.equal(Number(change.id), change.data.seq);
    }
  }
  await sleep(300);
  for (const [i, s] of streams.entries()) {
    if (i % 2) assert.ok(!s.events.some((e) => e.data.entity === 'company' && e.data.id === secret.body.id));
  }
  // from where it broke off
  const last = streams[0].events.find((e) => e.data.kind === 'create' && e.data.id === secret.body.id);
  const resumed = listen(w.server, w.token, '/api/v1/changes', { 'last-event-id': last.id });
  await eventually(() => resumed.events.some((e) => e.data.kind === 'update' && e.data.id === secret.body.id));
  assert.ok(!resumed.events.some((e) => Number(e.id) <= Number(last.id)));
  const from = listen(w.server, w.token, `/api/v1/changes?after=${last.id}`);
  await eventually(() => from.events.length > 0);
  for (const s of [...streams, resumed, from]) s.close();
});

test('the stream ends with the right to it', async () => {
  const u = await w.user('shortly@kith.example', [{ entity: 'company', read: 'all' }]);
  const s = listen(w.servers[0], u.token);
  await s.opened;
  await w.api('PATCH', `/users/${u.id}`, { active: false });
  await w.api('POST', '/companies', { name: 'Later' });
  await eventually(() => s.ended);
  assert.ok(!s.events.some((e) => e.data.name === 'Later'));
  const denied = listen(w.servers[0], 'kith_wrong');
  await denied.opened;
  assert.equal(denied.status, 401);
});

test('a new field is told to those who listen', async () => {
  const s = listen(w.servers[0], w.token);
  await s.opened;
  const made = await w.api('POST', '/fields', { entity: 'company', name: 'x_told', kind: 'text' });
  assert.equal(made.status, 201, made.text);
  await eventually(() => s.events.some((e) => e.event === 'meta'));
  s.close();
});

test('many listeners hold no thread', async () => {
  const streams = Array.from({ length: 100 }, () => listen(w.servers[0], w.token));
  await Promise.all(streams.map((s) => s.opened));
  const made = await w.api('POST', '/companies', { name: 'To all' });
  await eventually(() => streams.every((s) => s.events.some((e) => e.data.id === made.body.id)));
  assert.equal((await w.api('GET', '/me')).status, 200);
  for (const s of streams) s.close();
});
