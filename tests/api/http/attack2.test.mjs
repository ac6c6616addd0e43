// What a second attacker found in imports, undo, rights and counts, mended.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w;
const post = (path, body) => w.api('POST', path, body);
const get = (path) => w.api('GET', path);
before(async () => { w = await world(); });
after(() => w.close());

async function upload(name, text) {
  const r = await w.request('POST', `/api/v1/files?name=${name}`, Buffer.from(text), { authorization: `Bearer ${w.token}`, 'content-type': 'text/csv' });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
}
const look = async (id) => (await get(`/imports/${id}`)).body;
const until = (id, ...states) => eventually(async () => { const i = await look(id); return states.includes(i.state) ? i : null; }, 40);
async function begin(entity, text, options, name = 'a.csv') {
  const made = await post('/imports', { entity, file: await upload(name, text), options });
  assert.equal(made.status, 201, made.text);
  return until(made.body.id, 'ready', 'failed');
}

test('a check with a long report ends', async () => {
  const rows = (ch) => 'external_id,last_name,description\n' + Array.from({ length: 120 }, (_, i) => `e${i},N${i},"${`${ch}${i} `.repeat(1500)}"`).join('\n') + '\n';
  const first = await begin('contacts', rows('a'));
  await post(`/imports/${first.id}/start`, {});
  await until(first.id, 'done');
  const second = await begin('contacts', rows('b'), { keys: ['external_id'] });
  await post(`/imports/${second.id}/check`, {});
  const done = await until(second.id, 'ready');
  assert.equal(done.report.updated, 120);
  assert.ok(done.report.changes.length > 0);
});

test('a role that is taken away, or given, holds at once', async () => {
  const u = await w.user('roles@kith.example', [{ entity: 'contact', read: 'all', create: 'all' }]);
  const role = (await get(`/users/${u.id}`)).body.roles[0].id;
  assert.equal((await u.api('POST', '/contacts', { last_name: 'May' })).status, 201);
  await w.api('PATCH', `/users/${u.id}`, { roles: [] });
  await eventually(async () => (await u.api('POST', '/contacts', { last_name: 'May not' })).status === 403);
  await w.api('PATCH', `/users/${u.id}`, { roles: [{ id: role }] });
  await eventually(async () => (await u.api('POST', '/contacts', { last_name: 'May again' })).status === 201);
});

test('what was undone in the middle is not gone on with', async () => {
  const i = await begin('contacts', 'Last Name\n' + Array.from({ length: 6000 }, (_, k) => `Pause${k}`).join('\n') + '\n');
  await post(`/imports/${i.id}/start`, {});
  await eventually(async () => (await look(i.id)).position > 0);
  await post(`/imports/${i.id}/pause`, {});
  const at = await until(i.id, 'paused', 'done');
  await eventually(async () => [200, 202].includes((await post('/undo', { change_set: at.change_set })).status));
  const again = await post(`/imports/${i.id}/start`, {});
  assert.equal(again.status, 409, again.text);
});

test('long texts that are not ASCII are cut between signs', async () => {
  const i = await begin('contacts', `last_name,notes\nA,${'я'.repeat(70)}\nB,${'漢'.repeat(70)}\nC,x${'ä'.repeat(59)}\n`,
    { columns: [{ column: 'last_name', field: 'last_name' }, { column: 'notes', field: 'company' }] });
  assert.equal(i.state, 'ready', i.error);
  const r = await fetch(`${w.servers[0].url}/api/v1/imports/${i.id}`, { headers: { authorization: `Bearer ${w.token}` } });
  new TextDecoder('utf-8', { fatal: true }).decode(await r.arrayBuffer());
  assert.equal((await post(`/imports/${i.id}/start`, {})).status, 200);
  const done = await until(i.id, 'done', 'failed');
  assert.deepEqual([done.state, done.created, done.warned], ['done', 3, 3], done.error);
});

test('an import whose file or user goes says so', async () => {
  const i = await begin('contacts', 'Last Name\nX\n');
  const cancelled = await post('/imports', { entity: 'contacts', file: await upload('b.csv', 'Last Name\n' + 'Y\n'.repeat(20000)) });
  assert.equal((await post(`/imports/${cancelled.body.id}/cancel`, {})).status, 200);
  await new Promise((done) => setTimeout(done, 1500));
  assert.equal((await look(cancelled.body.id)).state, 'cancelled');
  const lines = await begin('contacts', '{"last_name":"L"}\nnonsense\n', {}, 'b.jsonl');
  await post(`/imports/${lines.id}/start`, {});
  const done = await until(lines.id, 'done');
  assert.match(done.report.rejects[0].errors[0].message, /no JSON object/);
  assert.equal(i.state, 'ready');
});

test('references are not found by what one may not see, and counts tell nothing of it', async () => {
  await post('/contacts', { last_name: 'Hidden', emails: ['hid@attack.example'] });
  const eve = await w.user('eve@kith.example', [{ entity: 'contact', read: 'all', create: 'all', import: 'all' }, { entity: 'task', read: 'all', create: 'all', import: 'all' }, { entity: 'quality_rule', read: 'all' }]);
  const role = (await get(`/users/${eve.id}`)).body.roles[0].id;
  assert.equal((await post('/field_grants', { role, entity: 'contact', field: 'emails', level: 'hidden' })).status, 201);
  const r = await eventually(async () => {
    const x = await eve.api('POST', '/tasks/import', { columns: ['title', { column: 'c', field: 'contact.email' }], rows: [['T', 'hid@attack.example']] });
    return x.status === 200 && x.body.warnings.length ? x : null;
  });
  assert.match(r.body.warnings[0].message, /there is no contact/);
  await post('/quality/measure', {});
  await eventually(async () => (await get('/quality_counts?limit=1')).body.items.length);
  const report = (await eve.api('POST', '/quality/report', { entity: 'contact' })).body;
  for (const rule of report.rules.filter((x) => !x.where)) assert.deepEqual([rule.found, rule.trend], [null, []]);
  const own = await w.user('few@attack.example', [{ entity: 'contact', read: 'own' }, { entity: 'quality_rule', read: 'all' }]);
  for (const rule of (await own.api('POST', '/quality/report', { entity: 'contact' })).body.rules) assert.deepEqual([rule.records, rule.trend], [0, []]);
});
