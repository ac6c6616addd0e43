// Whose mails they are when people are merged, parted and removed for good, and how long they are kept.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, where, words, world } from '../kith.mjs';
import { parseMail, Sink } from '../smtp.mjs';

let w, sink, sender, template, service;
const { get, made, ok } = words(() => w);
const days = (n) => Promise.all(w.servers.map((s) => w.request('PUT', '/test/clock', { now: n === null ? null : new Date(Date.now() + n * 86400e3).toISOString() }, {}, s)));
const set = async (name, value) => assert.equal((await w.api('PUT', '/settings', { name, scope: 'organisation', scope_id: 0, value })).status, 204);
const results = (id) => ok(`/campaigns/${id}/results`);
const replies = async (id) => (await ok(`/campaigns/${id}/messages`)).items.map((m) => m.reply ?? null).sort();
const delivered = async (id) => (await get(`/contacts?where=${where(`mailed(${id}, 'delivered')`)}&sort=id&fields=id`)).items.map((p) => p.id);
const person = (name) => made('contacts', { last_name: name, emails: [`${name.toLowerCase()}@mail.example`] });
const send = async (condition) => {
  const id = await made('campaigns', { name: 'Kept', purpose: service, sender, template, where: condition });
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => { const m = (await results(id)).messages; return m.planned + m.in_flight === 0 && m.sent + m.skipped > 0; }, 30);
  return id;
};
const click = async (to) => {
  const link = /href="([^"]*\/p\/c\/[^"]*)"/.exec(parseMail(sink.mails.find((m) => m.to === to).data).html)[1];
  return fetch(w.servers[0].url + new URL(link).pathname, { redirect: 'manual', headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0' } });
};

before(async () => {
  w = await world();
  sink = await new Sink().start();
  service = (await get(`/consent_purposes?where=${where("code = 'service'")}`)).items[0].id;
  const server = await made('mail_servers', { name: 'Sink', host: '127.0.0.1', port: sink.port, security: 'none' });
  sender = await made('mail_senders', { name: 'Shop', address: 'hello@shop.example', bounces: 'bounces@shop.example', server });
  template = await made('mail_templates', { name: 'Tea', subject: 'Tea', html: '<a href="https://shop.example/tea">Tea</a>' });
});
after(async () => { await days(null); await w.close(); await sink.stop(); });

test('what somebody got is with the one he became, and with himself again when that is undone', async () => {
  const first = await person('First'), second = await person('Second');
  const one = await send("last_name = 'First'"), both = await send("last_name = 'First' or last_name = 'Second'");
  await ok('/contacts/merge', { ids: [second, first] });
  await eventually(async () => JSON.stringify(await delivered(one)) === JSON.stringify([second]), 10);
  assert.deepEqual(await delivered(both), [second], 'of two of one campaign each is kept');
  const merge = (await get('/change_sets?all&limit=10')).items.find((s) => s.kind === 'merge');
  await ok('/undo', { change_set: merge.id });
  await eventually(async () => JSON.stringify(await delivered(one)) === JSON.stringify([first]), 10);
  assert.deepEqual(await delivered(both), [first, second]);
});

test('of who is removed for good stays that there was a mail, and after message.days not even that', async () => {
  sink.rcpt = (to) => to.startsWith('refused') ? `550 5.1.1 <${to}> is not here` : '250 ok';
  const gone = [await person('Reader'), await person('Refused')];
  const id = await send("last_name = 'Reader' or last_name = 'Refused'");
  await days(0.001); // who clicks at once is a machine
  assert.equal((await click('reader@mail.example')).status, 302);
  assert.equal((await results(id)).links[0].clicks, 1);
  assert.ok((await replies(id)).some((r) => r?.includes('refused@mail.example')));
  await ok(`/mail_templates/${template}/test`, { sender, to: 'tester@mail.example' });
  const trial = await eventually(async () => sink.mails.find((m) => m.to === 'tester@mail.example'), 10);
  const report = { report: `To: ${trial.from}\r\n\r\nAction: delayed\r\nStatus: 4.2.1\r\n` };
  assert.equal((await w.api('POST', '/mail_senders/bounce', report)).status, 200);
  await set('bin.days', 1);
  for (const p of gone) assert.equal((await w.api('DELETE', `/contacts/${p}`)).status, 204);
  await days(2.1);
  await eventually(async () => (await replies(id)).every((r) => !r), 30);
  let r = await results(id);
  assert.deepEqual([r.messages.delivered, r.messages.refused, r.links[0].clicks], [1, 1, 0]);
  await set('message.days', 30);
  await days(29);
  await new Promise((done) => setTimeout(done, 2500));
  assert.equal((await results(id)).messages.delivered, 1);
  await days(40);
  await eventually(async () => { r = await results(id); return r.messages.delivered + r.messages.refused === 0; }, 30);
  assert.equal((await click('reader@mail.example')).status, 404);
  assert.equal((await w.api('POST', '/mail_senders/bounce', report)).status, 404, 'a test mail goes too: nothing more comes of its batch');
});
