// From a text to the result of a campaign, in the browser: a mail server, a text with its preview, a review, the sending, what it brought.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { parseMail, Sink } from '../api/smtp.mjs';
import { api, e2e, look, made, serve, step, until } from './server.mjs';

serve({ people: 120 });
let sink, newsletter, server, sender, template, segment, campaign;
before(async () => { sink = await new Sink().start(); });
after(async () => { await sink.stop(); });
const all = async (path) => (await api('GET', path)).body.items;

step('a mail server keeps its password and says how it does', async () => {
  const { page, url } = e2e;
  newsletter = (await all('/consent_purposes?sort=position'))[0].id;
  server = await made('mail_servers', { name: 'Our server', host: '127.0.0.1', port: sink.port, security: 'none', connections: 4 });
  sender = await made('mail_senders', { name: 'Kith Tea House', address: 'hello@tea.example', server });
  await page.goto(`${url}/e/mail_servers/${server}`);
  await page.getByText('Nothing has been sent through it yet.').waitFor();
  await page.getByLabel('Password', { exact: true }).fill('secret');
  await look('mail-server');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('One is kept, sealed.').waitFor();
  await api('POST', `/mail_servers/${server}/set_password`, { password: '' });
  await page.getByRole('button', { name: 'Test connection' }).click();
  await page.getByText(/answers and can be used/).waitFor();
  await page.getByText('The server takes mails.').waitFor();
  await look('mail-server-tried');
  await api('PATCH', `/mail_servers/${server}`, { security: 'starttls' });
  await page.getByText(/answers and can be used/).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Test connection' }).click();
  await page.getByRole('status').filter({ hasText: /does not offer STARTTLS on port/ }).waitFor();
  await look('mail-server-refused');
  await api('PATCH', `/mail_servers/${server}`, { security: 'none' });
});

step('a text is written with its preview, a mistake is told at its field, a test goes out', async () => {
  const { page, url } = e2e;
  template = await made('mail_templates', { name: 'Autumn tea', subject: 'Tea for {{ contact.first_name }}', html: '<p>Hello</p>' });
  await page.goto(`${url}/e/mail_templates/${template}`);
  const html = page.getByLabel(/^HTML/);
  await html.fill('<html><body style="font-family:sans-serif"><h1 style="color:#7a4a12">Dear {{ contact.first_name | default: "friend" }},</h1><p>the new harvest is here.</p>{% if contact.order_count > 3 %}<p>Thank you for {{ contact.order_count }} orders.</p>{% endif %}<p><a href="https://tea.example/harvest">See the harvest</a></p></body></html>');
  const frame = page.frameLocator('iframe[name=mailframe]');
  await frame.getByText('the new harvest is here').waitFor();
  await page.getByText('Tea for [contact.first_name]').waitFor();
  await page.getByText(/^Nobody is chosen/).waitFor();
  await look('template-nobody');
  const person = (await all('/contacts?sort=-order_count&limit=1&fields=id,name,first_name,order_count'))[0];
  await page.getByRole('combobox', { name: 'As this person would get it' }).fill(person.name);
  await page.getByRole('option', { name: person.name }).first().click();
  await frame.getByText(`Dear ${person.first_name}`).waitFor();
  if (person.order_count > 3) await frame.getByText(`Thank you for ${person.order_count} orders`).waitFor();
  await page.getByRole('textbox', { name: 'Subject' }).fill('Tea for {{ contact.first_name }} {{ contact.salutation }}{{ contact.middle_name }}');
  await page.getByText(/^No value and no default for: contact.salutation, contact.middle_name/).waitFor();
  await look('template');
  await page.getByRole('textbox', { name: 'Subject' }).fill('Tea for {{ contact.fist_name }}');
  await page.getByText(/line 1: contact\.fist_name/).waitFor();
  await look('template-wrong');
  await page.getByRole('textbox', { name: 'Subject' }).fill('Tea for {{ contact.first_name | default: "you" }}');
  await page.getByRole('button', { name: 'Save' }).first().click();
  await page.getByText('The text is saved').waitFor();
  await page.getByRole('textbox', { name: 'To' }).fill('me@tea.example');
  await page.getByRole('button', { name: 'Send a test' }).click();
  await until(() => sink.mails.length === 1);
  assert.match(parseMail(sink.mails[0].data).html, /Dear /);
});

step('a segment shows who is in it and why', async () => {
  const { page, url } = e2e;
  segment = await made('segments', { name: 'Tea friends', where: 'order_count >= 1 and not do_not_email' });
  await until(async () => (await api('GET', `/segments/${segment}`)).body.state === 'live');
  const one = (await all(`/contacts?where=${encodeURIComponent("in_segment('tea_friends')")}&limit=1&fields=id,name`))[0];
  await page.goto(`${url}/e/segments/${segment}`);
  await page.getByText(/people are in it/).waitFor();
  await page.getByRole('combobox', { name: 'Person' }).fill(one.name);
  await page.getByRole('option', { name: one.name }).first().click();
  await page.getByText(`${one.name} is in it.`).waitFor();
  await page.getByRole('listitem').getByText('order_count >= 1').waitFor();
  await look('segment-why');
});

step('a campaign says how many it would reach, and is sent', async () => {
  const { page, url } = e2e;
  const people = await all(`/contacts?where=${encodeURIComponent("in_segment('tea_friends') and email is not empty")}&limit=200&fields=id`);
  for (const p of people) await api('POST', '/consent_entries', { contact: p.id, purpose: newsletter, channel: 'email', state: 'granted', source: 'form' });
  campaign = await made('campaigns', { name: 'Autumn harvest', goal: 'Sell the new harvest', purpose: newsletter, sender, template, segment, holdout: 20, cost: { amount: '50.00', currency: 'EUR' } });
  await page.goto(`${url}/e/campaigns/${campaign}`);
  await page.getByText('may be written to').waitFor();
  await page.getByText(/as a control group are few/).waitFor();
  await look('campaign-review');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('dialog').getByText(/Send to (about )?\d+ people/).waitFor();
  await look('campaign-sure');
  await page.getByRole('dialog').getByRole('button', { name: 'Start' }).click();
  await until(async () => { const m = (await api('POST', `/campaigns/${campaign}/results`, {})).body.messages; return m.sent > 0 && m.planned + m.in_flight === 0; });
  const { held_out, sent } = (await api('POST', `/campaigns/${campaign}/results`, {})).body.messages;
  assert.ok(held_out > 0 && sent > 0);
  assert.equal(new Set(sink.mails.map((m) => m.to)).size, sink.mails.length);
});

step('its result: clicks, orders, and what it brought beside the control group', async () => {
  const { page, url } = e2e;
  const mailed = await all(`/contacts?where=${encodeURIComponent(`mailed(${campaign}, 'delivered')`)}&limit=200&fields=id`);
  const held = await all(`/contacts?where=${encodeURIComponent(`mailed(${campaign}, 'held_out')`)}&limit=200&fields=id`);
  let n = 0;
  const buy = async (person, price) => { const r = await api('POST', '/orders/record', { number: `C-${n++}`, lines: [{ sku: 'HARVEST', name: 'Harvest', unit_price: price }] }); await api('PATCH', `/orders/${r.body.id}`, { contact: person.id }); };
  for (const p of mailed.slice(0, Math.ceil(mailed.length * 0.7))) await buy(p, 40);
  for (const p of held.slice(0, 2)) await buy(p, 35);
  await page.goto(`${url}/e/campaigns/${campaign}`);
  await page.getByText('Got the mail').waitFor();
  await page.getByText(/The mail brought|No difference can be told/).waitFor();
  await look('campaign-result');
  await page.getByRole('list', { name: 'What became of it' }).getByRole('link', { name: /delivered/ }).click();
  await page.getByRole('button', { name: 'Change: Autumn harvest: delivered' }).waitFor(); // the filter in words
  await page.goto(`${url}/e/contacts/${mailed[0].id}`);
  await page.getByRole('list', { name: 'Timeline' }).getByRole('link', { name: 'Autumn harvest' }).waitFor();
  await page.getByRole('list', { name: 'Timeline' }).getByText('sent', { exact: true }).first().waitFor();
  await look('timeline-mail');
});
