// Duplicates: asked while somebody types, found after a write, swept, dismissed, merged; who sees them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(async () => { await w?.close(); });

async function made(entity, record, api = w.api.bind(w)) {
  const r = await api('POST', '/' + entity, record);
  assert.equal(r.status, 201, r.text);
  return r.body;
}
const ada = { first_name: 'Ada', last_name: 'Ångström', birthday: '1975-12-10', emails: ['ada@one.example'], phones: ['+493012345678'],
  addresses: [{ street: '12 Sample Street', city: 'Sampletown', postcode: '10115', country: 'DE' }] };
const check = async (record, api = w.api.bind(w), entity = 'contacts') => {
  const r = await api('POST', `/${entity}/duplicates`, record);
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};
const pairs = async (where = '', api = w.api.bind(w)) => {
  const r = await api('GET', '/duplicates' + (where && '?where=' + encodeURIComponent(where)));
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};
const about = (items, ...ids) => items.filter((p) => ids.every((id) => [p.record.id, p.other.id].includes(id)));
const pair = (a, b, state) => eventually(async () => about(await pairs(), a, b).find((p) => !state || p.state === state));

test('a sweep over nothing finds nothing', async () => {
  const rule = (await w.api('GET', '/duplicate_rules')).body.items.find((r) => r.entity === 'company');
  const ordered = await w.api('POST', `/duplicate_rules/${rule.id}/sweep`);
  const job = await eventually(async () => { const j = (await w.api('GET', '/jobs/' + ordered.body.job)).body; return j.ended_at && j; }, 20);
  assert.equal(job.state, 'done', JSON.stringify(job));
  assert.deepEqual([job.result.records, job.result.pairs, job.result.duplicates], [0, 0, 0]);
});

test('while somebody types: likely ones with the reasons, and nothing is made', async () => {
  const one = await made('contacts', ada);
  const hits = await eventually(async () => { const h = await check({ first_name: 'ada', last_name: 'Angstrom', birthday: '1975-10-12' }); return h.length && h; });
  assert.equal(hits[0].id, one.id);
  assert.equal(hits[0].name, 'Ada Ångström');
  assert.ok(hits[0].probability > .5 && hits[0].probability < 1);
  const why = Object.fromEntries(hits[0].reasons.map((r) => [r.field, r.says]));
  assert.equal(why.last_name, 'the same');
  assert.equal(why.birthday, 'one sign apart');
  assert.ok(hits[0].reasons.every((r) => r.label && typeof r.weight === 'number'));
  // half of a value does not stop the others; the record itself is left out
  assert.equal((await check({ ...ada, emails: ['ada@'], birthday: '19' })).length, 1);
  assert.equal((await check({ ...ada, id: one.id })).length, 0);
  assert.equal((await check({ first_name: 'Grace', last_name: 'Example' })).length, 0);
  assert.equal((await w.api('GET', '/contacts?count=true')).body.count, 1);
  // a short form of the name, and names typed into each other's field
  assert.equal((await check({ ...ada, first_name: 'Ångström', last_name: 'Ada' }))[0].id, one.id);
});

test('after a write the pair is a record: to be dismissed for good, or merged', async () => {
  const a = await made('contacts', { first_name: 'Robert', last_name: 'Specimen', emails: ['robert.specimen+shop@gmail.com'], birthday: '1980-03-04' });
  const b = await made('contacts', { first_name: 'Bob', last_name: 'Specimen', emails: ['robertspecimen@googlemail.com'], birthday: '1980-03-04' });
  const p = await pair(a.id, b.id);
  assert.equal(p.state, 'open');
  assert.equal(p.entity, 'contact');
  assert.deepEqual(p.reasons.filter((r) => r.field === 'emails').map((r) => r.says), ['the same'], 'one mailbox by the rules of its provider');
  assert.equal((await w.api('POST', `/duplicates/${p.id}/dismiss`)).status, 200);
  assert.equal((await w.api('POST', `/duplicates/${p.id}/dismiss`)).status, 409);
  await w.api('PATCH', '/contacts/' + b.id, { job_title: 'Twin' });
  const c = await made('contacts', { first_name: 'Robert', last_name: 'Specimen', birthday: '1980-03-04' });
  const q = await pair(a.id, c.id);
  assert.equal(about(await pairs(), a.id, b.id)[0].state, 'dismissed', 'a later look does not open it again');
  assert.deepEqual((await pairs(`(record = 'contact:${a.id}' or other = 'contact:${a.id}') and state = 'open'`)).map((x) => x.id), [q.id], 'the pairs of one record');

  const merged = await w.api('POST', `/duplicates/${q.id}/merge`, { survivor: c.id });
  assert.equal(merged.status, 200, merged.text);
  assert.equal(merged.body.survivor, c.id);
  assert.equal((await w.api('GET', '/contacts/' + c.id)).body.email, 'robert.specimen+shop@gmail.com');
  assert.equal(about(await pairs(), a.id, c.id)[0].state, 'merged');
  assert.equal((await w.api('POST', '/undo', { change_set: merged.body.change_set })).status, 200);
  await pair(a.id, c.id, 'open');
  // what is deleted is no duplicate of anybody, and what is changed is looked at again
  await w.api('PATCH', '/contacts/' + c.id, { first_name: 'Zenobia', last_name: 'Other', birthday: '1955-01-02' });
  await eventually(async () => !about(await pairs(), a.id, c.id).length);
  const d = await made('contacts', { first_name: 'Robert', last_name: 'Specimen', birthday: '1980-03-04' });
  await pair(a.id, d.id);
  await w.api('DELETE', '/contacts/' + d.id);
  await eventually(async () => !about(await pairs(), a.id, d.id).length);
});

test('a mailbox or switchboard that many share says nothing', async () => {
  for (let i = 0; i < 8; i++) await made('contacts', { first_name: 'Xqvz'.slice(0, 1 + i % 3) + 'abcdefgh'[i], last_name: 'Shared' + 'klmnopqr'[i] + i, emails: ['office@shared.example'], phones: ['+49301111111'] });
  await eventually(async () => (await check({ emails: ['office@shared.example'], phones: ['+49301111111'] })).length === 0 && true);
  const all = await pairs();
  assert.equal(all.filter((p) => p.zone === 'merge' && /shared/i.test(p.record.name)).length, 0);
});

test('companies by their names without the legal form', async () => {
  const a = await made('companies', { name: 'Muster & Söhne GmbH', addresses: [{ city: 'Köln', postcode: '50667' }] });
  const hits = await eventually(async () => { const h = await check({ name: 'MUSTER und Soehne mbH'.replace('oe', 'ö'), addresses: [{ city: 'Köln', postcode: '50667' }] }, undefined, 'companies'); return h.length && h; });
  assert.equal(hits[0].id, a.id);
});

test('a sweep finds what was there before, by a rule that somebody changed', async () => {
  const rule = (await w.api('GET', '/duplicate_rules')).body.items.find((r) => r.entity === 'contact');
  const a = await made('contacts', { last_name: 'Quux', nickname: 'Zaphod' }), b = await made('contacts', { last_name: 'Corge', nickname: 'Zaphod' });
  const fields = [{ field: 'nickname', compare: 'name', key: true }];
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { fields: [{ field: 'nothing', compare: 'name', key: true }] })).status, 422);
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { fields: [{ field: 'nickname', compare: 'odd', key: true }] })).status, 422);
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { fields: [{ field: 'nickname', compare: 'name' }] })).status, 422);
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { fields, review: '0.1' })).status, 200);
  const ordered = await w.api('POST', `/duplicate_rules/${rule.id}/sweep`);
  assert.equal(ordered.status, 200, ordered.text);
  const job = await eventually(async () => { const j = (await w.api('GET', '/jobs/' + ordered.body.job)).body; return j.ended_at && j; }, 20);
  assert.equal(job.state, 'done', JSON.stringify(job));
  assert.equal(job.result.duplicates, 1);
  assert.ok(job.result.seconds < 10 && job.result.bytes > 0);
  await pair(a.id, b.id, 'open');
  assert.deepEqual((await check({ nickname: 'zaphod' })).map((h) => h.id).sort(), [a.id, b.id].sort(), 'its keys serve the question as well');
  await w.api('PATCH', '/duplicate_rules/' + rule.id, { fields: rule.fields, review: rule.review });
});

test('by itself only where a rule says so, when it is certain, and never for a shared address alone', async () => {
  const rule = (await w.api('GET', '/duplicate_rules')).body.items.find((r) => r.entity === 'contact');
  assert.equal(rule.merge_by_itself, false);
  const twin = { first_name: 'Ottilie', last_name: 'Musterfrau', birthday: '1971-07-07', emails: ['ottilie@muster.example'], phones: ['+493077777777'] };
  const [a, b] = [await made('contacts', twin), await made('contacts', twin)];
  const p = await pair(a.id, b.id, 'open');
  assert.equal(p.zone, 'merge', 'certain, and yet left alone');
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { merge_by_itself: true })).status, 200);
  const c = await made('contacts', { ...twin, job_title: 'Third' });
  await eventually(async () => (await w.api('GET', `/contacts?where=id=${c.id}`)).body.items.length === 0);
  await eventually(async () => (await w.api('GET', '/contacts/' + a.id)).body.job_title === 'Third');
  const set = (await w.api('GET', '/change_sets?all=true')).body.items.find((s) => s.kind === 'merge');
  assert.ok(set);
  assert.equal((await w.api('PATCH', '/duplicate_rules/' + rule.id, { merge_by_itself: false })).status, 200);
  assert.equal((await w.api('POST', '/undo', { change_set: set.id })).status, 200);
  assert.equal((await w.api('GET', '/contacts/' + c.id)).body.job_title, 'Third');
  // the mailbox of an office: the same address, other people
  await made('contacts', { first_name: 'Anna', last_name: 'Beispiel', emails: ['post@office.example'] });
  await made('contacts', { first_name: 'Kurt', last_name: 'Vorlage', emails: ['post@office.example'] });
  await made('contacts', { emails: ['post@office.example'] });
  await new Promise((done) => setTimeout(done, 500));
  assert.equal((await pairs("zone = 'merge'")).filter((x) => /Beispiel|Vorlage|office/.test(x.record.name + x.other.name)).length, 0);
});

test('a name typed in one field is taken apart', async () => {
  const a = await made('contacts', { name: 'Prof. Dr. ANNA VON BEISPIEL'.replace('ANNA VON BEISPIEL', 'Anna von Beispiel') });
  assert.deepEqual([a.salutation, a.first_name, a.last_name, a.name], ['Prof. Dr.', 'Anna', 'von Beispiel', 'Prof. Dr. Anna von Beispiel']);
  const b = await made('contacts', { name: 'García López, José Luis' });
  assert.deepEqual([b.first_name, b.middle_name, b.last_name], ['José Luis', null, 'García López']);
  const c = (await w.api('PATCH', '/contacts/' + b.id, { name: 'JOHN Q. SMITH JR' })).body;
  assert.deepEqual([c.first_name, c.middle_name, c.last_name, c.suffix], ['John', 'Q.', 'Smith', 'Jr.']);
  const same = await w.api('PATCH', '/contacts/' + b.id, { ...c, name: 'Somebody Else' });
  assert.equal(same.body.last_name, 'Smith', 'what was read may be sent back whole');
});

test('a pair is seen only by who may see both', async () => {
  const u = await w.user('some@kith.example', [{ entity: 'contact', read: 'own', create: 'all', update: 'own' }, { entity: 'duplicate', read: 'all', update: 'all' }]);
  const mine = await made('contacts', { first_name: 'Vera', last_name: 'Visible', birthday: '1960-06-06' }, u.api);
  const hidden = await made('contacts', { first_name: 'Vera', last_name: 'Visible', birthday: '1960-06-06' });
  const p = await pair(mine.id, hidden.id);
  assert.equal((await pairs('', u.api)).length, 0);
  assert.equal((await u.api('GET', '/duplicates/' + p.id)).status, 404);
  assert.equal((await u.api('POST', `/duplicates/${p.id}/dismiss`)).status, 404);
  assert.deepEqual((await check({ first_name: 'Vera', last_name: 'Visible', birthday: '1960-06-06' }, u.api)).map((h) => h.id), [mine.id]);
  const also = await made('contacts', { first_name: 'Vera', last_name: 'Visible', birthday: '1960-06-06' }, u.api);
  await pair(mine.id, also.id);
  assert.equal((await pairs('', u.api)).length, 1);
  assert.equal((await pairs("state = 'open' and probability > 0.5", u.api)).length, 1);
  assert.equal((await u.api('POST', '/duplicates', { entity: 'contact' })).status >= 400, true, 'pairs are found, not made');
});
