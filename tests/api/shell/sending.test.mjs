// Sending under trouble: the server is killed in the middle, again and again, and nobody gets two mails; the rate that
// was set holds whether the other side answers at once or after two seconds.
//   KITH_SEND=100000   as many people
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, kith, POSTGRES, Server, sleep, words, world } from '../kith.mjs';
import { Sink } from '../smtp.mjs';

const PEOPLE = Number(process.env.KITH_SEND ?? 1500), KILLS = POSTGRES ? 2 : 4, CONNECTIONS = 8;
let w, sink, server, sender, template, service;
const { made, clock } = words(() => w);
const act = async (target, body = {}) => {
  const r = await w.api('POST', target, body);
  assert.equal(r.status, 200, r.text);
  return r.body;
};
const messages = async (id) => (await act(`/campaigns/${id}/results`)).messages;
const campaign = (fields) => made('campaigns', { name: 'Send', purpose: service, sender, template, track_clicks: false, track_opens: false, ...fields });

before(async () => {
  w = await world();
  sink = await new Sink().start();
  service = (await w.api('GET', `/consent_purposes?where=${encodeURIComponent("code = 'service'")}`)).body.items[0].id;
  server = await made('mail_servers', { name: 'Sink', host: '127.0.0.1', port: sink.port, security: 'none', connections: CONNECTIONS });
  sender = await made('mail_senders', { name: 'Shop', address: 'hello@shop.example', server });
  template = await made('mail_templates', { name: 'Note', subject: 'For {{ contact.last_name }}', text: 'Dear {{ contact.last_name }}, hello. {{ links.preferences }}' });
  const file = path.join(w.dirs[0], 'people.csv');
  writeFileSync(file, 'last_name,email\n' + Array.from({ length: PEOPLE }, (_, i) => `N${i},n${i}@mail${i % 7}.example`).join('\n') + '\n');
  const r = await kith(['import', 'contacts', file, '--data', w.dir]);
  assert.equal(r.code, 0, r.stderr);
});
after(async () => {
  try { await w?.close(); } finally { await sink?.stop(); }
});

test('killed in the middle: each person gets one mail, or is told to be unknown, and never two', async () => {
  const id = await campaign({ where: "last_name starts with 'n'" });
  await act(`/campaigns/${id}/start`);
  for (let i = 1; i <= KILLS; i++) {
    await eventually(async () => sink.mails.length > (PEOPLE * i) / (KILLS + 2), 120);
    for (const s of w.servers) { await s.stop('SIGKILL'); }
    w.servers = await Promise.all(w.servers.map((s) => new Server(s.dir).start()));
    if (POSTGRES) { // the lease of a dead server holds for a minute
      const before = sink.mails.length;
      await clock(new Date(Date.now() + 65e3).toISOString());
      await eventually(() => sink.mails.length > before, 120);
      await clock(null);
    }
  }
  const end = await eventually(async () => { const m = await messages(id); return m.planned + m.in_flight === 0 && m.sent + m.unknown >= PEOPLE && m; }, 240);
  const to = sink.mails.map((m) => m.to), got = new Set(to);
  assert.equal(got.size, to.length, 'nobody got two');
  assert.equal(end.delivered + end.unknown, PEOPLE, 'none is lost');
  assert.ok(got.size >= end.delivered);
  assert.ok(end.unknown <= KILLS * CONNECTIONS, `${end.unknown} unknown after ${KILLS} kills with ${CONNECTIONS} connections`);
  console.log(`${PEOPLE} people, ${KILLS} kills: ${end.delivered} known to be delivered, ${end.unknown} unknown, of whom ${got.size - end.delivered} got it`);
});

for (const [latency, seconds, connections] of [[10, 4, 20], [2000, 6, 150]]) {
  test(`50 a second stay 50 when the other side takes ${latency} ms`, async (t) => {
    const slow = await new Sink().start(), times = [];
    t.after(() => slow.stop());
    slow.data = async () => { await sleep(latency); times.push(Date.now()); return '250 kept'; };
    const s = await made('mail_servers', { name: 'Slow', host: '127.0.0.1', port: slow.port, security: 'none', connections, rate: 50 });
    const from = await made('mail_senders', { name: 'Slow', address: 'slow@shop.example', server: s });
    const warm = 25 + Math.ceil((50 * latency) / 1000); // the first on each connection wait for it to be made
    const id = await campaign({ where: `id <= ${50 * (seconds + 2) + warm} and last_name starts with 'n'`, sender: from });
    await act(`/campaigns/${id}/start`);
    await eventually(() => times.length >= 50 * seconds + warm, 60);
    await act(`/campaigns/${id}/cancel`);
    const first = times[warm], n = times.filter((at) => at > first).length, span = (times.at(-1) - first) / 1000, rate = n / span;
    console.log(`set to 50 a second, ${latency} ms: ${rate.toFixed(2)} a second over ${span.toFixed(1)} s`);
    assert.ok(rate > 44 && n <= 50 * span + 6, `${rate} a second`); // a tenth of a second that a busy machine slept through is made up for
  });
}
