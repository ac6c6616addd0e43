// What a user would see and could do: the same that he sees and can do, and told only to who may ask.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, world } from '../kith.mjs';

let w, who;
before(async () => {
  w = await world();
  who = await w.user('seen@kith.example', [{ entity: 'contact', read: 'own', update: 'own', condition: 'city is empty' }, { entity: 'task', read: 'all', create: 'own', update: 'own' }]);
  const role = (await w.api('GET', '/grants?where=' + encodeURIComponent("entity = 'task'"))).body.items[0].role.id;
  await w.api('POST', '/field_grants', { role, entity: 'contact', field: 'job_title', level: 'hidden' });
  await w.api('POST', '/field_grants', { role, entity: 'contact', field: 'nickname', level: 'read' });
  for (const [last_name, owner] of [['A', who.id], ['B', who.id], ['C', null], ['D', null]]) await w.api('POST', '/contacts', { last_name, ...(owner && { owner }) });
  await w.api('POST', '/contacts', { last_name: 'E', owner: who.id, addresses: [{ city: 'Ulm' }] });
  await w.api('POST', '/companies', { name: 'Acme' });
  // what comes with the program is counted twice below, and comes a moment later
  await eventually(async () => (await w.api('GET', '/quality_rules?limit=1')).body.items.length > 0);
});
after(() => w.close());

test('every object: levels, records, fields, actions are those that the user has', async () => {
  const r = await w.api('GET', `/access?user=${who.id}`);
  assert.equal(r.status, 200, r.text);
  const of = (name) => r.body.entities.find((e) => e.name === name);
  assert.deepEqual([of('contact').records, of('contact').of, of('contact').conditional], [2, 5, true]);
  assert.deepEqual([of('contact').rights.read, of('contact').rights.update, of('contact').rights.create], ['own', 'own', 'none']);
  assert.ok(of('contact').hidden.includes('job_title') && of('contact').hidden.includes('income_band'));
  assert.ok(of('contact').read_only.includes('nickname'));
  assert.deepEqual([of('company').records, of('company').of, of('company').rights.read], [0, 1, 'none']);
  assert.ok(of('task').actions.includes('complete'));
  assert.deepEqual(of('contact').actions, ['events'], 'what looks needs no more than to read');
  assert.equal(r.body.user.admin, false);
  // the same numbers as he gets himself
  for (const e of r.body.entities.filter((x) => x.rights.read !== 'none')) {
    const plural = (await who.api('GET', '/meta')).body.entities.find((x) => x.name === e.name).plural;
    const own = await who.api('GET', `/${plural}/aggregate?measure=count()`);
    assert.equal(own.body.rows?.[0]['count()'] ?? 0, e.records, `${e.name} ${own.text}`);
  }
});

test('what is shared counts, and a change of the role is seen at once', async () => {
  const company = (await w.api('GET', '/companies')).body.items[0];
  assert.equal((await w.api('POST', '/shares', { record: { entity: 'company', id: company.id }, user: who.id, level: 'read' })).status, 201);
  const seen = async (name) => (await w.api('GET', `/access?user=${who.id}`)).body.entities.find((e) => e.name === name);
  assert.equal((await seen('company')).records, 1);
  const grant = (await w.api('GET', '/grants?where=' + encodeURIComponent("entity = 'contact'"))).body.items[0];
  await w.api('PATCH', `/grants/${grant.id}`, { condition: null, read: 'all' });
  assert.equal((await seen('contact')).records, 5);
});

test('who may ask: administrators and who may explain; not of nobody, not with a token of scopes', async () => {
  assert.equal((await who.api('GET', `/access?user=${who.id}`)).status, 403);
  assert.equal((await w.api('GET', '/access?user=99999')).status, 404);
  const explainer = await w.user('explainer@kith.example', [{ entity: 'contact', read: 'own' }]);
  assert.equal((await explainer.api('GET', `/access?user=${who.id}`)).status, 403);
  const role = (await w.api('GET', `/users/${explainer.id}?fields=roles`)).body.roles[0].id;
  await w.api('PATCH', `/roles/${role}`, { may_explain: true });
  const r = await explainer.api('GET', `/access?user=${who.id}`);
  assert.equal(r.status, 200, r.text);
  const contact = r.body.entities.find((e) => e.name === 'contact');
  assert.equal(contact.of, 0, 'of what the one who asks sees');
  assert.ok(!contact.hidden.includes('income_band'), 'a field that is hidden from the one who asks is not named');
  await w.api('PATCH', `/users/${explainer.id}`, { active: false });
  assert.equal((await w.api('GET', `/access?user=${explainer.id}`)).status, 404);
  assert.equal((await w.api('GET', '/me')).status, 200, 'and the one who asked stays signed in');
});

test('what is computed of a hidden field is hidden, and found by nothing', async () => {
  for (const [name, expr] of [['x_title', 'job_title'], ['x_shout', "concat('!', job_title)"], ['x_open', 'department']]) assert.equal((await w.api('POST', '/fields', { entity: 'contact', name, kind: 'formula', expr, result: 'text' })).status, 201, name);
  const id = (await w.api('POST', '/contacts', { last_name: 'Titled', job_title: 'Spy', department: 'Open', owner: who.id })).body.id;
  const seen = (await who.api('GET', `/contacts/${id}`)).body;
  assert.deepEqual([seen.x_title, seen.x_shout, seen.x_open], [undefined, undefined, 'Open']);
  assert.equal((await w.api('GET', `/contacts/${id}`)).body.x_shout, '!Spy');
  assert.equal((await who.api('GET', '/contacts?where=' + encodeURIComponent("x_title = 'Spy'"))).status, 422);
});
