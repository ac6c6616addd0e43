// Campaigns: who gets one and who does not and why, control group, clicks, opens, unsubscriptions, orders, what it brought.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually, HUMAN, where, words, world } from '../kith.mjs';
import { parseMail, Sink } from '../smtp.mjs';

let w, sink, server, sender, template, newsletter;
const { get, made, ok, clock } = words(() => w);
const visit = (url, headers = {}, method = 'GET') => fetch(w.servers[0].url + new URL(url).pathname, { method, redirect: 'manual', headers: { 'user-agent': HUMAN, ...headers } });
const results = (id) => ok(`/campaigns/${id}/results`);
const sent = (id) => eventually(async () => { const r = await results(id); return r.messages.planned + r.messages.in_flight === 0 && r.messages.sent + r.messages.skipped > 0 && r; }, 30);
const peopleOf = async (id, figure) => (await get(`/contacts?where=${where(`mailed(${id}, '${figure}')`)}&sort=id&fields=id&limit=200`)).items.map((p) => p.id);
const person = async (name, more = {}, said = 'granted') => {
  const id = await made('contacts', { first_name: name, last_name: 'Camp', emails: [`${name.toLowerCase()}@mail.example`], ...more });
  if (said) await made('consent_entries', { contact: id, purpose: newsletter, channel: 'email', state: said });
  return id;
};

before(async () => {
  w = await world();
  sink = await new Sink().start();
  newsletter = (await get(`/consent_purposes?where=${where("code = 'newsletter'")}`)).items[0].id;
  server = await made('mail_servers', { name: 'Sink', host: '127.0.0.1', port: sink.port, security: 'none', connections: 4 });
  sender = await made('mail_senders', { name: 'Shop', address: 'hello@shop.example', bounces: 'bounces@shop.example', server });
  template = await made('mail_templates', { name: 'Tea', subject: 'Tea for {{ contact.first_name }}',
    html: '<html><body><p>Dear {{ contact.first_name }}</p><a href="https://shop.example/tea">Tea</a> <a href="https://shop.example/cups?x={{ contact.first_name }}">Cups</a> <a href="{{ links.preferences }}">Choose</a></body></html>' });
});
after(async () => { if (process.env.SHOW) console.log(w.servers.map((s) => s.log).join('\n')); await w.close(); await sink.stop(); });

const campaign = (fields) => made('campaigns', { name: 'Tea', purpose: newsletter, sender, template, ...fields });

test('each of the audience gets one mail, or a reason why not', async () => {
  const good = [await person('Ann'), await person('Ben')];
  const no = { no_consent: await person('Nora', {}, null), refused_consent: await person('Rob', {}, 'denied'), do_not_email: await person('Dora', { do_not_email: true }),
    no_address: await made('contacts', { last_name: 'Camp', first_name: 'Nobody' }), same_mailbox: await person('Twin', { emails: ['ann@mail.example'] }), suppressed: await person('Sue') };
  await ok('/suppressions/add', { address: 'sue@mail.example', reason: 'complaint' });
  const id = await campaign({ where: "last_name = 'Camp'" });
  assert.equal((await get(`/campaigns/${id}`)).status, 'draft');
  const review = await ok(`/campaigns/${id}/review`);
  assert.deepEqual([review.links_set, new URL(review.links).hostname], [false, '127.0.0.1']); // nobody has set base_url
  assert.deepEqual([review.audience, review.with_address, review.may_be_written_to], [8, 6, 4]);
  await ok(`/campaigns/${id}/start`);
  const r = await sent(id);
  assert.deepEqual([r.messages.sent, r.messages.skipped], [2, 6]);
  assert.deepEqual(r.reasons, { no_consent: 1, refused_consent: 1, do_not_email: 1, no_address: 1, same_mailbox: 1, suppressed: 1 });
  assert.deepEqual(await peopleOf(id, 'delivered'), good);
  assert.deepEqual(await peopleOf(id, 'skipped'), Object.values(no).sort((a, b) => a - b));
  const m = parseMail(sink.mails.find((x) => x.to === 'ben@mail.example').data);
  assert.equal(m.headers.subject, 'Tea for Ben');
  assert.match(m.headers['list-unsubscribe'], /^<http:\/\/[^>]+\/p\/unsubscribe\/[\w-]+>/);
  assert.equal(m.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
  assert.match(m.html, /href="http:\/\/[^"]+\/p\/preferences\//, 'its own pages are not counted');
  assert.doesNotMatch(m.html, /shop\.example/);
  assert.match(m.plain, /Dear Ben/);
  assert.equal((await w.api('POST', `/campaigns/${id}/start`, {})).status, 409);
  const late = await w.api('PATCH', `/campaigns/${id}`, { where: "last_name = 'X'" });
  assert.equal(late.status, 409, late.text);
  assert.equal((await w.api('PATCH', `/campaigns/${id}`, { goal: 'sell tea' })).status, 200);
});

test('clicks and opens are counted for people; machines are told apart; nothing leads elsewhere', async () => {
  await clock('2026-03-01T10:00:00Z');
  const id = await campaign({ where: "first_name = 'Ann' or first_name = 'Ben'", name: 'Clicks' });
  const from = sink.mails.length;
  await ok(`/campaigns/${id}/start`);
  await sent(id);
  const mails = sink.mails.slice(from).map((x) => ({ to: x.to, ...parseMail(x.data) }));
  assert.equal(mails.length, 2);
  const linksOf = (m) => [...m.html.matchAll(/href="([^"]*\/p\/c\/[^"]*)"/g)].map((x) => x[1]);
  const [ann, ben] = [mails.find((m) => m.to.startsWith('ann')), mails.find((m) => m.to.startsWith('ben'))];
  assert.equal(linksOf(ann).length, 2);
  const quick = await visit(linksOf(ann)[0]);
  assert.deepEqual([quick.status, quick.headers.get('location')], [302, 'https://shop.example/tea']);
  assert.equal((await results(id)).messages.clicked, 0, 'three seconds after it was sent: a machine');
  await clock('2026-03-01T10:05:00Z');
  await visit(linksOf(ben)[0], {}, 'HEAD');
  await visit(linksOf(ben)[0], { 'user-agent': 'SafeLinks scanner' });
  assert.equal((await results(id)).messages.clicked, 0);
  const slow = await visit(linksOf(ben)[1]);
  assert.equal(slow.headers.get('location'), 'https://shop.example/cups?x=Ben');
  const pixel = /src="([^"]*\/p\/o\/[^"]*)"/.exec(ann.html)[1];
  const seen = await visit(pixel);
  assert.equal(seen.headers.get('content-type'), 'image/gif');
  const r = await results(id);
  assert.deepEqual([r.messages.clicked, r.messages.opened], [1, 2], 'who clicks has opened');
  assert.equal(r.links.find((l) => l.url.includes('cups?x=Ben')).people, 1);
  assert.deepEqual(await peopleOf(id, 'clicked'), [(await get(`/contacts?where=${where("first_name = 'Ben'")}`)).items[0].id]);
  // the person's timeline has the mail, and what became of it
  const lines = async (name, query = '') => (await get(`/contacts/${(await get(`/contacts?where=${where(`first_name = '${name}'`)}`)).items[0].id}/timeline${query}`)).items.filter((i) => i.what === 'mail' && i.mail.name === 'Clicks');
  const [his, hers] = [await lines('Ben'), await lines('Ann')];
  assert.deepEqual(his.map((i) => [i.at.slice(0, 13), i.mail.state, i.mail.campaign, i.mail.clicked_at?.slice(0, 16)]), [['2026-03-01T10', 'accepted', id, '2026-03-01T10:05']]);
  assert.deepEqual([hers.length, !!hers[0].mail.opened_at, 'clicked_at' in hers[0].mail], [1, true, false]);
  assert.deepEqual(await lines('Ben', `?before=${his[0].at}`), []);
  const token = new URL(linksOf(ann)[0]).pathname.split('/').pop(); // with one letter of its middle another
  for (const bad of ['x', 'A'.repeat(40), token.slice(0, -6) + (token.at(-6) === 'A' ? 'B' : 'A') + token.slice(-5)]) {
    const b = await visit(`http://x/p/c/${bad}`);
    assert.equal(b.status, 404);
    assert.equal(b.headers.get('location'), null);
    assert.equal((await visit(`http://x/p/o/${bad}`)).status, 200, 'a picture always comes');
  }
  await clock(null);
});

test('each text of a mail leads to the choice, whatever its author wrote', async () => {
  await person('Foot', { job_title: 'Foot' });
  const leads = (text) => (text.match(/\/p\/(preferences|unsubscribe)\//g) ?? []).length;
  const mailed = async (texts) => {
    const n = sink.mails.length;
    const id = await campaign({ where: "job_title = 'Foot'", name: 'Foot', template: await made('mail_templates', { name: 'Foot', subject: 'x', ...texts }) });
    await ok(`/campaigns/${id}/start`);
    await sent(id);
    return parseMail(sink.mails[n].data);
  };
  const named = await mailed({ html: `<p>See links.html{% if contact.last_name = 'Nobody' %}{{ links.preferences }}{% endif %}</p>` });
  assert.deepEqual([leads(named.html), leads(named.plain)], [1, 1]);
  const half = await mailed({ html: '<a href="{{ links.unsubscribe }}">No more</a>', text: 'Hello' });
  assert.deepEqual([leads(half.html), leads(half.plain)], [1, 1]);
});

test('one click unsubscribes, and holds for the next mail', async () => {
  const un = parseMail(sink.mails.find((x) => x.to === 'ben@mail.example').data).headers['list-unsubscribe'].slice(1, -1);
  assert.equal((await visit(un)).status, 200);
  assert.equal((await get(`/contacts?where=${where("first_name = 'Ben' and has_consent('newsletter', 'email')")}`)).items.length, 1, 'looking changes nothing');
  const r = await fetch(w.servers[0].url + new URL(un).pathname, { method: 'POST', body: 'List-Unsubscribe=One-Click', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.equal(r.status, 200);
  const id = await campaign({ where: "first_name = 'Ben'", name: 'Again' });
  await ok(`/campaigns/${id}/start`);
  assert.deepEqual((await sent(id)).reasons, { refused_consent: 1 });
});

test('a control group gets nothing; what the mail brought is told against it, with an interval', async () => {
  const people = [];
  for (let i = 0; i < 60; i++) people.push(await person(`P${i}`, { job_title: 'Control' }));
  const id = await campaign({ where: "job_title = 'Control'", name: 'Lift', holdout: 50, cost: { amount: '20.00', currency: 'EUR' } });
  await ok(`/campaigns/${id}/start`);
  let r = await sent(id);
  const mailed = await peopleOf(id, 'delivered'), held = await peopleOf(id, 'held_out');
  assert.equal(mailed.length + held.length, 60);
  assert.ok(held.length > 15 && held.length < 45, `${held.length} held out of 60`);
  assert.equal(r.messages.held_out, held.length);
  const spent = new Map();
  let nth = 0;
  const buy = async (contact, amount) => {
    await ok('/orders/record', { number: `L-${nth++}`, lines: [{ sku: 'TEA', name: 'Tea', unit_price: amount }] }).then((o) => w.api('PATCH', `/orders/${o.id}`, { contact }));
    spent.set(contact, (spent.get(contact) ?? 0) + amount);
  };
  for (let i = 0; i < mailed.length; i += 2) await buy(mailed[i], 10 + i);
  for (let i = 0; i < held.length; i += 5) await buy(held[i], 12);
  r = await results(id);
  const arm = (ids) => { const x = ids.map((p) => spent.get(p) ?? 0), n = x.length, mean = x.reduce((a, b) => a + b, 0) / n; return { n, mean, v: x.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1), sum: mean * n }; };
  const a = arm(mailed), b = arm(held), se = Math.sqrt(a.v / a.n + b.v / b.n);
  assert.equal(Number(r.money.revenue.amount), Math.round(a.sum * 100) / 100);
  assert.ok(Math.abs(r.lift.revenue_per_person.difference - (a.mean - b.mean)) < 1e-9);
  assert.ok(Math.abs((r.lift.revenue_per_person.high - r.lift.revenue_per_person.low) / 2 / se - 2) < 0.1, 'about two standard errors each way');
  assert.equal(r.orders.mailed.buyers, Math.ceil(mailed.length / 2));
  assert.ok(Math.abs(Number(r.money.added.amount) - (a.mean - b.mean) * a.n) < 0.01);
  assert.ok(Math.abs(r.money.return - ((a.mean - b.mean) * a.n - 20) / 20) < 1e-6);
});

test('what is put off goes to the address that the person has by then', async (t) => {
  t.after(async () => { sink.rcpt = () => '250 ok'; await clock(null); });
  await clock('2026-03-10T10:00:00Z');
  const p = await person('Mover', { job_title: 'Mover' });
  const id = await campaign({ where: "job_title = 'Mover'", name: 'Moved' });
  const asked = [];
  sink.rcpt = (to) => { asked.push(to); return to.startsWith('mover') ? '451 4.2.1 not now' : '250 ok'; };
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => asked.length === 1 && (await results(id)).messages.planned === 1, 10);
  await w.api('PATCH', `/contacts/${p}`, { emails: ['new@mail.example'] });
  await clock('2026-03-10T10:01:01Z');
  await eventually(async () => { const m = (await results(id)).messages; return m.planned + m.in_flight === 0; }, 10);
  assert.deepEqual(asked, ['mover@mail.example', 'new@mail.example']);
});

test('a paused campaign waits, a stopped one ends; nobody gets two', async () => {
  for (let i = 0; i < 40; i++) await person(`W${i}`, { job_title: 'Slow' });
  let release, wait = new Promise((r) => { release = r; });
  sink.data = async () => { await wait; return '250 kept'; };
  const id = await campaign({ where: "job_title = 'Slow'", name: 'Slow' });
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => (await results(id)).messages.in_flight === 4, 10); // as many as there are connections
  await ok(`/campaigns/${id}/pause`);
  assert.equal((await get(`/campaigns/${id}`)).status, 'paused');
  await person('Late', { job_title: 'Slow' }); // the audience was frozen at the start
  release();
  sink.data = () => '250 kept';
  await eventually(async () => (await results(id)).messages.in_flight === 0, 10);
  await ok(`/campaigns/${id}/resume`);
  const r = await sent(id);
  assert.equal(r.messages.sent, 40);
  const to = sink.mails.map((m) => m.to).filter((t) => /^w\d+@/.test(t));
  assert.equal(new Set(to).size, to.length);
  wait = new Promise((done) => { release = done; });
  sink.data = async () => { await wait; return '250 kept'; };
  const other = await campaign({ where: "job_title = 'Slow'", name: 'Stopped' });
  await ok(`/campaigns/${other}/start`);
  await eventually(async () => (await results(other)).messages.in_flight > 0, 10);
  await ok(`/campaigns/${other}/cancel`);
  release();
  sink.data = () => '250 kept';
  const end = await eventually(async () => { const x = await results(other); return x.messages.planned === 0 && x.messages.in_flight === 0 && x; }, 15);
  assert.ok(end.messages.cancelled > 0);
  assert.equal(end.messages.cancelled + end.messages.sent, 41);
});

test('a planned one goes out when it was last said to, later or sooner', async () => {
  const id = await person('Plan', { job_title: 'Planned' });
  await clock('2026-04-20T10:00:00Z');
  try {
    const later = await campaign({ where: "job_title = 'Planned'", name: 'Later', scheduled_at: '2026-04-20T11:00:00Z' });
    const sooner = await campaign({ where: "job_title = 'Planned'", name: 'Sooner', scheduled_at: '2026-04-20T20:00:00Z' });
    for (const c of [later, sooner]) {
      await ok(`/campaigns/${c}/start`);
      assert.equal((await get(`/campaigns/${c}`)).status, 'scheduled');
    }
    assert.equal((await w.api('PATCH', `/campaigns/${later}`, { scheduled_at: '2026-04-20T15:00:00Z' })).status, 200);
    assert.equal((await w.api('PATCH', `/campaigns/${sooner}`, { scheduled_at: '2026-04-20T11:00:00Z' })).status, 200);
    await clock('2026-04-20T11:00:01Z');
    assert.equal((await sent(sooner)).messages.sent, 1);
    await eventually(async () => !(await get('/jobs?limit=200')).items.some((j) => j.kind === 'campaign_plan' && j.state !== 'done' && j.due <= '2026-04-20T11:00:01Z'), 10);
    const waits = await get(`/campaigns/${later}`);
    assert.deepEqual([waits.status, waits.started_at], ['scheduled', null]);
    await clock('2026-04-20T15:00:01Z');
    assert.equal((await sent(later)).messages.sent, 1);
    assert.deepEqual(await peopleOf(later, 'delivered'), [id]);
    assert.equal((await w.api('PATCH', `/campaigns/${later}`, { scheduled_at: '2026-04-20T18:00:00Z' })).status, 409);
  } finally {
    await clock(null);
  }
});

test('a limit per hour holds, however often the sender looks again', async () => {
  for (let i = 0; i < 5; i++) await person(`H${i}`, { job_title: 'Hourly' });
  await clock('2026-04-01T10:00:00Z');
  const id = await campaign({ where: "job_title = 'Hourly'", name: 'Hourly', per_hour: 60 });
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => (await results(id)).messages.sent === 2, 30);
  await new Promise((r) => setTimeout(r, 2500));
  assert.equal((await results(id)).messages.sent, 2);
  await clock('2026-04-01T10:02:01Z');
  await eventually(async () => (await results(id)).messages.sent === 4, 30);
  await new Promise((r) => setTimeout(r, 1500));
  assert.equal((await results(id)).messages.sent, 4);
  await clock('2026-04-01T10:05:00Z');
  assert.equal((await sent(id)).messages.sent, 5);
  await clock(null);
});

test('who refuses mails of its kind after one counts as unsubscribed, and is found by the figure', async () => {
  const [stays, leaves, left] = [await person('Stays', { job_title: 'Leaver' }), await person('Leaves', { job_title: 'Leaver' }), await person('Left', { job_title: 'Leaver' }, 'withdrawn')];
  const id = await campaign({ where: "job_title = 'Leaver'", name: 'Leavers' });
  await ok(`/campaigns/${id}/start`);
  const before = await sent(id);
  assert.deepEqual([before.messages.sent, before.messages.skipped, before.messages.unsubscribed], [2, 1, 0]);
  await made('consent_entries', { contact: leaves, purpose: newsletter, channel: 'sms', state: 'withdrawn' });
  assert.equal((await results(id)).messages.unsubscribed, 0);
  await made('consent_entries', { contact: leaves, purpose: newsletter, channel: 'email', state: 'withdrawn' });
  assert.equal((await results(id)).messages.unsubscribed, 1);
  assert.deepEqual(await peopleOf(id, 'unsubscribed'), [leaves]);
  assert.ok(stays && left);
});

test('servers and senders are found by typing, as a form does that refers to them', async () => {
  for (const [what, q, id] of [['mail_servers', 'Sin', server], ['mail_senders', 'Sho', sender]]) {
    await eventually(async () => (await get(`/${what}?q=${q}`)).items.some((x) => x.id === id), 20);
  }
});

test('the mails to a person are counted across the campaigns that send together', async (t) => {
  const slow = await new Sink().start();
  t.after(() => slow.stop());
  const s = await made('mail_servers', { name: 'One', host: '127.0.0.1', port: slow.port, security: 'none', connections: 1 });
  const from = await made('mail_senders', { name: 'One', address: 'one@shop.example', server: s });
  let release;
  const wait = new Promise((done) => { release = done; });
  slow.data = async () => { await wait; return '250 kept'; };
  await person('Capped', { job_title: 'Capped' });
  await ok(`/mail_templates/${template}/test`, { sender: from, to: 'plug@mail.example' }); // until it is through, both wait
  await eventually(() => slow.begun === 1, 10);
  await new Promise((r) => setTimeout(r, 1100)); // the sender looks for new campaigns once a second
  const ids = [];
  for (const name of ['First', 'Second']) {
    ids.push(await campaign({ where: "job_title = 'Capped'", name, sender: from, cap_count: 1, cap_days: 7 }));
    await ok(`/campaigns/${ids.at(-1)}/start`);
    await eventually(async () => (await results(ids.at(-1))).messages.planned === 1, 10);
  }
  release();
  const ends = [await sent(ids[0]), await sent(ids[1])];
  assert.deepEqual(ends.map((r) => r.messages.sent).sort(), [0, 1]);
  assert.deepEqual(ends.map((r) => r.reasons).find((r) => r.frequency), { frequency: 1 });
  assert.equal(slow.mails.filter((m) => m.to === 'capped@mail.example').length, 1);
});

test('a domain that wants few holds up nobody else, and gets what it wants', async (t) => {
  const other = await new Sink().start(), times = [];
  t.after(() => other.stop());
  other.data = (mail) => { times.push([mail.to, Date.now()]); return '250 kept'; };
  const s = await made('mail_servers', { name: 'Picky', host: '127.0.0.1', port: other.port, security: 'none', connections: 2, domain_rate: 1 });
  const from = await made('mail_senders', { name: 'Picky', address: 'picky@shop.example', server: s });
  for (let i = 0; i < 20; i++) await person(`S${i}`, { job_title: 'Picky', emails: [`s${i}@slow.example`] });
  for (let i = 0; i < 5; i++) await person(`F${i}`, { job_title: 'Picky', emails: [`f${i}@fast${i}.example`] });
  const id = await campaign({ where: "job_title = 'Picky'", name: 'Picky', sender: from });
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => times.filter(([to]) => to.startsWith('f')).length === 5, 30);
  const slow = () => times.filter(([to]) => to.startsWith('s'));
  assert.ok(slow().length < 15, `${slow().length} of 20 to the slow domain before the others`);
  await eventually(async () => slow().length >= 8, 40);
  const span = (slow()[7][1] - slow()[0][1]) / 1000;
  assert.ok(span > 6 && span < 20, `eight in ${span} seconds`);
  await ok(`/campaigns/${id}/cancel`);
});

test('what answers a person goes ahead of a campaign that a slow server is still busy with', async (t) => {
  const slow = await new Sink().start();
  t.after(() => slow.stop());
  const s = await made('mail_servers', { name: 'Lazy', host: '127.0.0.1', port: slow.port, security: 'none', connections: 2, rate: 2 });
  const from = await made('mail_senders', { name: 'Lazy', address: 'lazy@shop.example', server: s });
  const id = await campaign({ where: "job_title = 'Control'", name: 'Lazy', sender: from });
  await ok(`/campaigns/${id}/start`);
  await eventually(async () => slow.mails.length >= 2, 10);
  await ok(`/mail_templates/${template}/test`, { sender: from, to: 'urgent@mail.example' });
  await eventually(async () => slow.mails.some((m) => m.to === 'urgent@mail.example'), 30);
  assert.ok(slow.mails.length < 40, `${slow.mails.length} of 60 went before`);
  await ok(`/campaigns/${id}/cancel`);
});

test('a triggered one goes to each who enters its segment, after its delay, once', async () => {
  const segment = await made('segments', { name: 'New tea lovers', where: "job_title = 'Tea lover'" });
  await eventually(async () => (await get(`/segments/${segment}`)).state === 'live', 10);
  const id = await campaign({ kind: 'triggered', segment, name: 'Welcome', delay: 0 });
  await ok(`/campaigns/${id}/start`);
  assert.equal((await get(`/campaigns/${id}`)).status, 'running');
  const from = sink.mails.length, p = await person('Trixi');
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'Tea lover' });
  await eventually(async () => sink.mails.length === from + 1, 15);
  assert.equal(sink.mails.at(-1).to, 'trixi@mail.example');
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'Coffee' });
  await eventually(async () => (await get(`/segments/${segment}`)).size === 0, 10);
  await w.api('PATCH', `/contacts/${p}`, { job_title: 'Tea lover' });
  await eventually(async () => (await get(`/segments/${segment}`)).size === 1, 10);
  await new Promise((r) => setTimeout(r, 500));
  assert.equal(sink.mails.length, from + 1, 'not again');
  await ok(`/campaigns/${id}/cancel`);
});

test('a report of a mail that could not be delivered names it; the address gets no more', async () => {
  const mail = sink.mails.find((m) => m.to === 'p1@mail.example') ?? sink.mails.find((m) => /^p\d/.test(m.to));
  const report = `From: MAILER-DAEMON@mail.example\r\nTo: ${mail.from}\r\nContent-Type: multipart/report; report-type=delivery-status\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n` +
    `Reporting-MTA: dns; mail.example\r\n\r\nFinal-Recipient: rfc822; ${mail.to}\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n`;
  const r = await ok('/mail_senders/bounce', { report });
  assert.deepEqual([r.outcome, r.status], ['hard', '5.1.1']);
  assert.equal((await ok('/suppressions/check', { address: mail.to })).suppressed, true);
  const soft = await ok('/mail_senders/bounce', { report: report.replace('5.1.1', '5.2.2').replace(mail.to, 'x@y.example') });
  assert.equal(soft.outcome, 'soft');
  assert.equal((await w.api('POST', '/mail_senders/bounce', { report: 'To: bounces+00112233@shop.example' })).status, 422);
});

test('what is not right is refused with a reason', async () => {
  const everybody = await campaign({ name: 'All' });
  const r = await w.api('POST', `/campaigns/${everybody}/start`, {});
  assert.deepEqual([r.status, r.body.errors[0].field], [422, 'segment']);
  assert.equal((await w.api('POST', '/campaigns', { name: 'X', purpose: newsletter, sender, template, where: 'nonsense = 1' })).status, 422);
  assert.equal((await w.api('POST', '/campaigns', { name: 'X', purpose: newsletter, sender, template, holdout: 80 })).status, 422);
  assert.equal((await w.api('GET', `/contacts?where=${where("mailed(1, 'eaten')")}`)).status, 422);
  const future = await campaign({ name: 'Later', where: "first_name = 'Ann'", scheduled_at: '2030-01-01T00:00:00Z' });
  await ok(`/campaigns/${future}/start`);
  assert.equal((await get(`/campaigns/${future}`)).status, 'scheduled');
  const past = await campaign({ name: 'Yesterday', where: "first_name = 'Ann'", scheduled_at: '2020-01-01T00:00:00Z' });
  await ok(`/campaigns/${past}/start`);
  await eventually(async () => (await get(`/campaigns/${past}`)).status === 'late', 10);
});

test('one of which more than a fifth is refused stops by itself, and goes on when somebody says so', async () => {
  const many = Array.from({ length: 240 }, (_, i) => i);
  for (let from = 0; from < many.length; from += 20) await Promise.all(many.slice(from, from + 20).map((i) => person(`R${i}`, { job_title: 'Refused' })));
  let release;
  const wait = new Promise((done) => { release = done; });
  sink.rcpt = (to) => (Number(/\d+/.exec(to)[0]) % 3 ? '250 ok' : '550 no such person');
  sink.data = async (mail) => { if (mail.to === 'r1@mail.example') await wait; return '250 kept'; };
  await clock('2031-04-25T10:00:00Z'); // ahead of the clock on the wall, by which the next minute is planned; so this test is the last one
  try {
    const id = await campaign({ where: "job_title = 'Refused'", name: 'Refused' });
    await ok(`/campaigns/${id}/start`);
    await eventually(async () => { const { messages } = await results(id); return messages.planned === 0 && messages.in_flight === 1; }, 60);
    await clock('2031-04-25T10:01:30Z');
    const stopped = await eventually(async () => { const c = await get(`/campaigns/${id}`); return c.status === 'paused' && c; }, 10);
    assert.match(stopped.note, /too many are refused/);
    release();
    await eventually(async () => (await results(id)).messages.in_flight === 0, 10);
    await ok(`/campaigns/${id}/resume`);
    assert.equal((await get(`/campaigns/${id}`)).status, 'sending');
    await clock('2031-04-25T10:03:00Z');
    await eventually(async () => (await get(`/campaigns/${id}`)).status === 'sent', 10);
    const { messages } = await results(id);
    assert.deepEqual([messages.sent, messages.refused], [160, 80]);
  } finally {
    release();
    sink.rcpt = () => '250 ok';
    sink.data = () => '250 kept';
    await clock(null);
  }
});
