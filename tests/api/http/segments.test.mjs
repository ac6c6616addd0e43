// Live segments: people enter and leave as they change and as time passes; building, explaining, segments in segments.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, POSTGRES, where, words, world } from '../kith.mjs';

let w;
const { get } = words(() => w);
const person = async (fields) => (await w.api('POST', '/contacts', fields)).body.id;

before(async () => { w = await world(); });
after(() => w.close());

async function segment(fields) {
  const r = await w.api('POST', '/segments', fields);
  assert.equal(r.status, 201, JSON.stringify(r.body));
  return built(r.body.id);
}
const built = (id) => eventually(async () => {
  const s = await get(`/segments/${id}`);
  assert.notEqual(s.state, 'failed', s.error);
  return s.state === 'live' ? s : null;
}, 20);
const members = async (code) => (await get(`/contacts?where=${where(`in_segment('${code}')`)}&sort=id&fields=id&limit=200`)).items.map((p) => p.id);
const becomes = (code, ids) => eventually(async () => JSON.stringify(await members(code)) === JSON.stringify(ids), 10);

test('a new segment is built; who changes enters and leaves, and so do orders', async () => {
  const a = await person({ last_name: 'Seg', job_title: 'Baker' }), b = await person({ last_name: 'Seg', job_title: 'Cook' });
  const s = await segment({ name: 'Bäcker & co', where: "last_name = 'Seg' and job_title = 'Baker'" });
  assert.deepEqual([s.code, s.size, await members(s.code)], ['backer_co', 1, [a]]);
  await w.api('PATCH', `/contacts/${b}`, { job_title: 'Baker' });
  await becomes(s.code, [a, b]);
  await w.api('PATCH', `/contacts/${a}`, { job_title: 'Smith' });
  await becomes(s.code, [b]);
  await eventually(async () => (await get(`/segments/${s.id}`)).size === 1, 5);
  const changes = (await w.api('POST', `/segments/${s.id}/changes`, {})).body.items;
  assert.deepEqual(changes.map((c) => [c.person, c.kind, c.cause]), [[a, 'left', 'change'], [b, 'entered', 'change'], [a, 'entered', 'built']]);
  await w.api('DELETE', `/contacts/${b}`);
  await becomes(s.code, []);
  await w.api('POST', `/contacts/${b}/restore`, {});
  await becomes(s.code, [b]);

  const buyers = await segment({ name: 'Tea drinkers', where: "last_name = 'Seg' and any(purchases where product.sku = 'TEA')" });
  const order = (number, contact) => w.api('POST', '/orders/record', { number, lines: [{ sku: 'TEA', name: 'Tea', unit_price: 3 }] })
    .then((r) => w.api('PATCH', `/orders/${r.body.id}`, { contact }).then(() => r.body.id));
  const o = await order('SEG-1', a);
  await becomes(buyers.code, [a]);
  await w.api('PATCH', `/orders/${o}`, { contact: b });
  await becomes(buyers.code, [b]);
});

test('who moves by himself leaves no change set: there is nothing to take back', async () => {
  const p = await person({ last_name: 'Trace', job_title: 'Cook' });
  const s = await segment({ name: 'Traces', where: "last_name = 'Trace' and job_title = 'Baker'" });
  const sets = async () => (await get('/change_sets?all=true&limit=100')).items;
  const last = (await sets())[0].id;
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'Baker' });
  await becomes(s.code, [p]);
  assert.deepEqual((await sets()).filter((x) => x.id > last && x.kind === 'edit').map((x) => x.via), ['api']);
});

test('what nobody is told about is refused in a live segment, and stands in a snapshot', async () => {
  const where = "mailed(1, 'opened')";
  const live = await w.api('POST', '/segments', { name: 'Mailed', where });
  assert.equal(live.status, 422);
  assert.match(live.body.detail, /a live segment does not learn when it changes/);
  const kept = await w.api('POST', '/segments', { name: 'Mailed once', kind: 'snapshot', where });
  assert.equal(kept.status, 201, JSON.stringify(kept.body));
});

test('what lies behind a reference builds the segment anew', async () => {
  const firm = (await w.api('POST', '/companies', { name: 'Far & Co', tier: 'A' })).body;
  const p = await person({ last_name: 'Far', company: firm.id });
  const s = await segment({ name: 'Of Ulm', where: "company.name = 'Ulm & Co'" });
  assert.deepEqual(await members(s.code), []);
  await w.api('PATCH', `/companies/${firm.id}`, { name: 'Ulm & Co' });
  await becomes(s.code, [p]);
});

test('time alone moves people', async () => {
  const now = async (at) => {
    for (const server of w.servers) assert.equal((await w.request('PUT', '/test/clock', { now: at }, {}, server)).status, 204);
  };
  await now('2026-05-01T00:00:00Z');
  try {
    const p = await person({ last_name: 'Clock' });
    await w.api('POST', '/orders/record', { number: 'CLOCK-1', placed_at: '2026-04-30T00:00:00Z', customer: {}, lines: [{ sku: 'X', name: 'X', unit_price: 1 }] })
      .then((r) => w.api('PATCH', `/orders/${r.body.id}`, { contact: p }));
    const s = await segment({ name: 'Fresh', where: "last_name = 'Clock' and last_order_at > now - 30d" });
    assert.deepEqual(await members(s.code), [p]);
    const why = (await w.api('POST', `/segments/${s.id}/explain`, { person: p })).body;
    assert.equal(why.in, true);
    assert.equal(why.next, '2026-05-30T00:00:00Z', JSON.stringify(why));
    await now('2026-05-30T00:00:01Z');
    await becomes(s.code, []);
    assert.equal((await w.api('POST', `/segments/${s.id}/changes`, { person: p })).body.items[0].cause, 'time');
  } finally {
    await now(null);
  }
});

test('segments name segments: stored rows, no cycles, and none that is named goes', async () => {
  const p = await person({ last_name: 'Chain', job_title: 'One' });
  const first = await segment({ name: 'Chain first', where: "last_name = 'Chain' and job_title = 'One'" });
  const second = await segment({ name: 'Chain second', where: "in_segment('chain_first') and not in_segment('lapsed')" });
  assert.deepEqual(await members(second.code), [p]);
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'Two' });
  await becomes(second.code, []);
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'One' });
  await becomes(second.code, [p]);
  const cycle = await w.api('PATCH', `/segments/${first.id}`, { where: "in_segment('chain_second')" });
  assert.equal(cycle.status, 422);
  assert.match(JSON.stringify(cycle.body), /leads back/);
  assert.equal((await w.api('DELETE', `/segments/${first.id}`)).status, 409);
  for (const [text, says] of [["in_segment('nobody')", /no segment/], ['in_segment(last_name)', /in quotes/], ["last_name = ", /Expected|found/], ['', /needs a condition/]]) {
    const r = await w.api('POST', '/segments', { name: 'Bad', where: text });
    assert.equal(r.status, 422, text);
    assert.match(JSON.stringify(r.body.errors), says);
  }
  assert.equal((await w.api('GET', `/companies?where=${where("in_segment('chain_first')")}`)).status, 422);
});

test('an edit builds beside what readers see; a static one is kept by hand; a snapshot stays', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await person({ last_name: 'Edit', job_title: `T${i}` }));
  const s = await segment({ name: 'Edited', where: "last_name = 'Edit' and job_title in ('T0', 'T1')" });
  assert.deepEqual(await members(s.code), ids.slice(0, 2));
  await w.api('PATCH', `/segments/${s.id}`, { where: "last_name = 'Edit' and job_title in ('T1', 'T2')" });
  await becomes(s.code, ids.slice(1, 3));
  await built(s.id);
  const list = await segment({ name: 'By hand', kind: 'static' });
  assert.equal((await w.api('POST', `/segments/${list.id}/add`, { ids: ids.slice(0, 3) })).body.moved, 3);
  assert.equal((await w.api('POST', `/segments/${list.id}/remove`, { ids: [ids[0], 999999] })).status, 422);
  assert.equal((await w.api('POST', `/segments/${list.id}/remove`, { ids: [ids[0]] })).body.moved, 1);
  assert.deepEqual(await members(list.code), ids.slice(1, 3));
  assert.equal((await w.api('POST', `/segments/${s.id}/add`, { ids })).status, 409);
  const frozen = await segment({ name: 'Frozen', kind: 'snapshot', where: "last_name = 'Edit'" });
  assert.deepEqual(await members(frozen.code), ids);
  await w.api('PATCH', `/contacts/${ids[0]}`, { last_name: 'Gone' });
  await becomes(s.code, ids.slice(1, 3));
  assert.deepEqual(await members(frozen.code), ids);
});

test('shipped segments are there', async () => {
  const all = (await get('/segments?sort=name&limit=200')).items.map((s) => s.code);
  for (const code of ['at_risk', 'big_spenders', 'lapsed', 'loyal_shoppers', 'recent_first_time_buyers']) assert.ok(all.includes(code), code);
});

test('a build finds the same as the filter, where only those are judged who may ever come in', async () => {
  for (const where_ of ['order_count >= 0 and created_at < now and score is empty', "created_at < now and created_at > now - 30d and (last_name = 'none' or score is empty)", 'last_order_at < now - 1d and total_spent > 1']) {
    const s = await segment({ name: `Ever ${where_.slice(0, 30)}`, where: where_ });
    assert.equal(s.size, (await get(`/contacts/aggregate?measure=count()&where=${where(where_)}`)).rows[0]['count()'], where_);
  }
});

test('who may not read all people finds none of them out by a segment', async () => {
  const mate = await w.user('segments@kith.example', [{ entity: 'segment', read: 'all', create: 'own', update: 'own' }, { entity: 'contact', read: 'own', create: 'own', update: 'own' }]);
  const stranger = await person({ last_name: 'Stranger', city: 'Secretham' });
  const r = await mate.api('POST', '/segments', { name: 'Finds out', where: "last_name = 'Stranger'" });
  assert.equal(r.status, 403, r.text);
  const theirs = await segment({ name: 'Of all', where: "last_name = 'Stranger'" });
  assert.ok((await w.api('POST', `/segments/${theirs.id}/changes`, {})).body.items.some((i) => i.person === stranger));
  assert.deepEqual((await mate.api('POST', `/segments/${theirs.id}/changes`, {})).body.items, []);
});

const nest = (n) => (n ? `count(company.contacts where ${nest(n - 1)}) > 0` : "last_name contains 'zz'");

// PostgreSQL remembers what it has counted for a company and is done with these at once: there they may end well too
test('a condition that is nested too deeply, or looks at too many records, ends what asks it', async () => {
  const slow = await world({ conf: 'query_budget = 100' });
  const ended = (path, well) => eventually(async () => {
    const now = (await slow.api('GET', path)).body;
    return (now.state === 'failed' || (POSTGRES && now.state === well)) && now;
  }, 20);
  const tooCostly = (of) => of.state !== 'failed' || assert.match(of.error, /too many records|too deeply/);
  try {
    const made = async (path, body) => { const r = await slow.api('POST', path, body); assert.ok(r.status < 300, r.text); return r.body; };
    const company = (await made('/companies', { name: 'Large' })).id;
    for (let i = 0; i < 60; i++) await made('/contacts', { last_name: `Many ${i}`, company });
    for (const [name, deep] of [['Costly', 6], ['Deep', 12]]) {
      const s = await made('/segments', { name, where: nest(deep) });
      tooCostly(await ended(`/segments/${s.id}`, 'live'));
    }
    const bulk = await made('/contacts/bulk', { where: nest(6), set: { nickname: 'x' } });
    tooCostly(await ended(`/jobs/${bulk.job}`, 'done'));
    // an action finds its records before it writes
    await made('/tasks', { title: 'Call', company });
    const action = await slow.api('POST', '/tasks/complete', { where: `count(company.contacts where ${nest(6)}) > 0` });
    if (!POSTGRES) assert.deepEqual([action.status, action.body.code], [422, 'too_costly'], action.text);
    assert.equal((await slow.api('POST', '/tasks/complete', { where: "title = 'Call'" })).status, 200);
  } finally {
    await slow.close();
  }
});
