// Merging records: whose value wins, what moves, where an old id leads, and that undoing parts them again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { eventually, listen, rawRequest, world } from '../kith.mjs';

let w;
before(async () => { w = await world(); });
after(async () => { await w?.close(); });

async function made(entity, record, api = w.api.bind(w)) {
  const r = await api('POST', '/' + entity, record);
  assert.equal(r.status, 201, r.text);
  return r.body;
}
const get = async (path) => (await w.api('GET', path)).body;
const merge = (entity, body, api = w.api.bind(w)) => api('POST', `/${entity}/merge`, body);
const raw = (path, token = w.token) =>
  rawRequest(w.servers[0].url, { path: '/api/v1' + path, headers: { authorization: 'Bearer ' + token } });

test('the survivor keeps its values, takes what it lacks, and unites lists', async () => {
  const a = await made('contacts', { first_name: 'Ada', last_name: 'Byron', emails: ['ada@one.example'], tags: ['x'], do_not_call: false });
  const b = await made('contacts', { first_name: 'Augusta', last_name: 'King', job_title: 'Countess', do_not_call: true,
    emails: ['ADA@one.example', 'ada@two.example'], phones: ['+4930123456'], tags: ['y', 'x'] });
  const c = await made('contacts', { last_name: 'Lovelace', job_title: 'Analyst', department: 'Engines' });

  const p = await w.api('GET', `/contacts/merge?ids=${a.id},${b.id},${c.id}`);
  assert.equal(p.status, 200, p.text);
  const field = Object.fromEntries(p.body.fields.map((f) => [f.name, f]));
  assert.deepEqual(field.last_name.values, ['Byron', 'King', 'Lovelace']);
  assert.equal(field.last_name.proposal, 'Byron');
  assert.equal(field.job_title.from, b.id);
  assert.equal(field.do_not_call.proposal, true);
  assert.equal(field.department.from, c.id);
  assert.deepEqual(p.body.records.map((r) => r.id), [a.id, b.id, c.id]);
  assert.equal((await get('/contacts/' + a.id)).job_title, null, 'a preview changes nothing');

  const r = await merge('contacts', { ids: [a.id, b.id, c.id], fields: { last_name: c.id }, values: { nickname: 'Ada L.' } });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.id, a.id);
  assert.equal(r.body.first_name, 'Ada');
  assert.equal(r.body.last_name, 'Lovelace');
  assert.equal(r.body.job_title, 'Countess');
  assert.equal(r.body.department, 'Engines');
  assert.equal(r.body.nickname, 'Ada L.');
  assert.equal(r.body.do_not_call, true);
  assert.deepEqual(r.body.emails.map((e) => e.key).sort(), ['ada@one.example', 'ada@two.example']);
  assert.equal(r.body.email, 'ada@one.example');
  assert.deepEqual([...r.body.tags].sort(), ['x', 'y']);
  assert.deepEqual(r.body.merged, [b.id, c.id]);

  const sets = await get('/change_sets');
  assert.equal(sets.items[0].kind, 'merge');
  assert.equal((await w.api('POST', '/undo', { change_set: r.body.change_set })).status, 200);
  for (const before of [a, b, c]) {
    const now = await get('/contacts/' + before.id);
    for (const k of ['first_name', 'last_name', 'job_title', 'department', 'nickname', 'do_not_call', 'emails', 'phones', 'tags', 'name']) {
      assert.deepEqual(now[k], before[k], `${k} of ${before.id}`);
    }
  }
});

test('an old id leads to the survivor, through two merges, until it is undone', async () => {
  const [a, b, c] = [await made('contacts', { last_name: 'A' }), await made('contacts', { last_name: 'B' }), await made('contacts', { last_name: 'C', job_title: 'Third' })];
  const stream = listen(w.servers[0], w.token);
  await stream.opened;
  const first = await merge('contacts', { ids: [b.id, c.id] });
  assert.equal(first.status, 200, first.text);
  await eventually(() => stream.events.some((e) => e.data.kind === 'delete' && e.data.id === c.id && e.data.into === b.id));
  stream.close();
  const second = await merge('contacts', { ids: [a.id, b.id] });
  assert.equal(second.status, 200, second.text);
  const r = await raw('/contacts/' + c.id);
  assert.equal(r.status, 308);
  assert.equal(r.headers.location, '/api/v1/contacts/' + a.id);
  assert.equal(JSON.parse(r.text).merged_into, a.id);
  assert.equal((await get('/contacts/' + c.id)).id, a.id, 'a client that follows gets the survivor');
  const seen = await get('/contacts?where=' + encodeURIComponent(`id in (${a.id}, ${b.id}, ${c.id})`));
  assert.deepEqual(seen.items.map((x) => x.id), [a.id]);
  // one who may not see the survivor learns nothing
  const u = await w.user('blind@kith.example', [{ entity: 'contact', read: 'own' }]);
  assert.equal((await raw('/contacts/' + c.id, u.token)).status, 404);

  assert.equal((await w.api('POST', '/undo', { change_set: first.body.change_set })).status, 409, 'the later one is in the way');
  assert.equal((await w.api('POST', '/undo', { change_set: second.body.change_set })).status, 200);
  assert.equal((await raw('/contacts/' + b.id)).status, 200);
  assert.equal(JSON.parse((await raw('/contacts/' + c.id)).text).merged_into, b.id);
  assert.equal((await w.api('POST', '/undo', { change_set: first.body.change_set })).status, 200);
  assert.equal((await raw('/contacts/' + c.id)).status, 200);
  // put back by hand, then deleted: it stands for itself
  assert.equal((await merge('contacts', { ids: [b.id, c.id] })).status, 200);
  assert.equal((await w.api('POST', `/contacts/${c.id}/restore`)).status, 200);
  assert.equal((await w.api('DELETE', '/contacts/' + c.id)).status, 204);
  assert.equal((await raw('/contacts/' + c.id)).status, 404);
});

test('links, activities, files and facts move; double links become one; sums of parents stay true', async () => {
  const firm = await made('companies', { name: 'Example Works' }), club = await made('groups', { name: 'Club' }), other = await made('groups', { name: 'Other' });
  const friend = await made('contacts', { last_name: 'Friend' });
  const a = await made('contacts', { last_name: 'Left', groups: [{ id: club.id }], companies: [{ id: firm.id, role: 'board' }] });
  const b = await made('contacts', { last_name: 'Right', company: { id: firm.id }, groups: [{ id: club.id, role: 'cook' }, { id: other.id }],
    companies: [{ id: firm.id, role: 'billing' }, { id: firm.id, role: 'board' }].slice(0, 1), relations: [{ id: friend.id, relation: 'friend' }, { id: a.id, relation: 'sibling' }] });
  const task = await made('tasks', { title: 'Call', contact: { id: b.id }, about: { entity: 'contact', id: b.id } });
  const fact = await made('facts', { contact: { id: b.id }, kind: 'goal', text: 'Grow' });
  const meeting = await made('meetings', { subject: 'M', starts_at: '2026-01-05T10:00:00Z', attendees: [{ id: a.id }, { id: b.id, reply: 'accepted' }] });
  const note = await made('notes', { body: 'seen', contact: { id: b.id } });
  const boss = await made('contacts', { last_name: 'Report', reports_to: { id: b.id } });
  const up = await w.api('POST', '/files?name=a.txt', 'hello', { 'content-type': 'text/plain' });
  assert.equal(up.status, 201, up.text);
  assert.equal((await w.api('PATCH', '/files/' + up.body.id, { record: { entity: 'contact', id: b.id } })).status, 200);
  assert.equal((await get('/groups/' + club.id)).member_count, 2);

  const p = await get(`/contacts/merge?ids=${a.id},${b.id}`);
  const moves = Object.fromEntries(p.moves.map((m) => [m.entity + '.' + m.field, m.count]));
  assert.equal(moves['task.contact'], 1);
  assert.equal(moves['fact.contact'], 1);
  assert.equal(moves['file.record'], 1);
  const before = JSON.stringify([await get('/groups/' + club.id), await get(`/contacts/${b.id}`), await get(`/contacts/${a.id}`)].map((x) => ({ ...x, version: 0, updated_at: 0 })));

  const r = await merge('contacts', { ids: [a.id, b.id] });
  assert.equal(r.status, 200, r.text);
  const now = await get('/contacts/' + a.id);
  assert.equal(now.company.id, firm.id);
  assert.equal(now.open_tasks, 1);
  const links = async (field, of) => (await get(`/${field}_links`)).items.filter((l) => l.from.id === of);
  assert.deepEqual((await links('contact_groups', a.id)).map((l) => [l.to.id, l.role]).sort(), [[club.id, 'cook'], [other.id, null]].sort());
  assert.deepEqual((await links('contact_companies', a.id)).map((l) => l.role).sort(), ['billing', 'board'], 'two roles in one company are two links');
  assert.deepEqual(now.relations.map((x) => x.id), [friend.id], 'nobody is related to himself');
  assert.equal((await get('/groups/' + club.id)).member_count, 1);
  assert.equal((await get('/tasks/' + task.id)).contact.id, a.id);
  assert.equal((await get('/tasks/' + task.id)).about.id, a.id);
  assert.equal((await get('/facts/' + fact.id)).contact.id, a.id);
  assert.equal((await get('/contacts/' + boss.id)).reports_to.id, a.id);
  assert.equal((await get('/files/' + up.body.id)).record.id, a.id);
  const guests = await links('meeting_attendees', meeting.id);
  assert.deepEqual(guests.map((g) => [g.to.id, g.reply]), [[a.id, 'accepted']]);
  const line = (await get(`/contacts/${a.id}/timeline`)).items.map((i) => i.entity ?? i.kind);
  assert.equal(line.length, 2, JSON.stringify(line));
  assert.ok((await get(`/contacts/${a.id}/history`)).items.length >= 1);

  assert.equal((await w.api('POST', '/undo', { change_set: r.body.change_set })).status, 200);
  const again = JSON.stringify([await get('/groups/' + club.id), await get(`/contacts/${b.id}`), await get(`/contacts/${a.id}`)].map((x) => ({ ...x, version: 0, updated_at: 0 })));
  assert.equal(again, before);
  assert.equal((await get('/tasks/' + task.id)).contact.id, b.id);
  assert.equal((await get('/notes/' + note.id)).contact.id, b.id);
  assert.deepEqual((await get('/meetings/' + meeting.id)).attendees.map((g) => g.id).sort(), [a.id, b.id].sort());
});

test('unique keys: the survivor may take the key of a loser', async () => {
  await made('fields', { entity: 'company', name: 'x_vat', kind: 'text', unique: true, no_fold: true });
  const a = await made('companies', { name: 'One' }), b = await made('companies', { name: 'Two', x_vat: 'DE1', external_id: 'e-2' });
  const r = await merge('companies', { ids: [a.id, b.id] });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.x_vat, 'DE1');
  assert.equal(r.body.external_id, 'e-2');
  assert.equal((await w.api('POST', '/undo', { change_set: r.body.change_set })).status, 200);
  assert.equal((await get('/companies/' + a.id)).x_vat, null);
  assert.equal((await get('/companies/' + b.id)).x_vat, 'DE1');
});

test('rights: all must be changeable, the losers deletable; hidden fields are not lost', async () => {
  const u = await w.user('clerk@kith.example', [{ entity: 'contact', read: 'all', create: 'all', update: 'all', delete: 'own' }]);
  const a = await made('contacts', { last_name: 'Mine' }, u.api), b = await made('contacts', { last_name: 'Theirs', income_band: 'over_150k' });
  const mine = await made('contacts', { last_name: 'Also mine' }, u.api);
  assert.equal((await merge('contacts', { ids: [a.id, b.id] }, u.api)).status, 403);
  assert.equal((await u.api('GET', `/contacts/merge?ids=${a.id},${b.id}`)).status, 403);
  assert.equal((await merge('contacts', { ids: [b.id, mine.id] }, u.api)).status, 200);
  assert.equal((await merge('contacts', { ids: [a.id, 999999] }, u.api)).status, 404);
  const r = await merge('contacts', { ids: [a.id, b.id] });
  assert.equal(r.status, 200, r.text);
  assert.equal((await w.api('GET', '/contacts/' + a.id)).body.income_band, 'over_150k');
  assert.equal((await u.api('GET', '/contacts/' + a.id)).body.income_band, undefined);
});

test('what cannot be merged says why', async () => {
  const a = await made('contacts', { last_name: 'X' }), b = await made('contacts', { last_name: 'Y' });
  const status = async (body, entity = 'contacts') => (await merge(entity, body)).status;
  assert.equal(await status({ ids: [a.id] }), 422);
  assert.equal(await status({ ids: [a.id, a.id] }), 422);
  assert.equal(await status({ ids: [a.id, 'x'] }), 422);
  assert.equal(await status({ ids: [a.id, b.id], fields: { nothing: a.id } }), 422);
  assert.equal(await status({ ids: [a.id, b.id], fields: { last_name: 12345 } }), 422);
  assert.equal(await status({ ids: [a.id, b.id], fields: { name: a.id } }), 422);
  assert.equal(await status({ ids: [a.id, b.id], values: { birthday: 'no' } }), 422);
  assert.equal(await status({ ids: [a.id, b.id], more: 1 }), 422);
  assert.equal(await status({ ids: [1, 2] }, 'users'), 400);
  assert.equal((await get('/contacts/' + b.id)).last_name, 'Y', 'nothing of a refused merge stays');
});
