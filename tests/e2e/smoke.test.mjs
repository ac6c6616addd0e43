// smoke.test.mjs - the whole path of the web application, in Debian's Chromium on the real server.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, look, made, PASSWORD, serve, step, visit } from './server.mjs';

serve({ signedIn: false });

function totp(secret, later) {
  const bits = [...secret.replace(/[=\s]/g, '')].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, '0');
}
const rows = () => e2e.page.getByRole('grid').getByRole('row');

step('sign in', async () => {
  const { page } = e2e;
  await visit('/');
  await page.getByLabel('E-mail').fill('ada@example.com');
  await look('sign-in');
  await page.locator('input[name=password]').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await page.locator('.tile b', { hasText: '300' }).waitFor();
  await look('home');
});

step('a list: windows, sort, filter with its error, quick search, columns', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Contacts', exact: true }).first().click();
  await page.getByRole('heading', { name: 'Contacts' }).waitFor();
  await page.getByTestId('total').getByText('300').waitFor();
  await rows().nth(5).waitFor();
  await look('list');
  assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 1500);
  await page.waitForFunction(() => {
    document.querySelector('[role=grid]').scrollTo(0, 1e6);
    return [...document.querySelectorAll('[aria-rowindex]')].some((r) => r.getAttribute('aria-rowindex') === '301');
  }, null, { polling: 500 });
  await page.getByRole('button', { name: 'Name', exact: true }).click();
  await page.getByRole('columnheader', { name: 'Name' }).and(page.locator('[aria-sort=ascending]')).waitFor();
  await page.getByRole('button', { name: 'Filter as text' }).click();
  const filter = page.getByRole('combobox', { name: 'Filter', exact: true });
  await filter.fill("nme = 'x'");
  await filter.press('Enter');
  await page.getByText(/Unknown field "nme"/).waitFor();
  // while the mended one is being answered, a refusal is no answer without rows
  await page.route(/\/contacts\?/, async (r) => { await page.waitForTimeout(400); await r.continue(); });
  await filter.fill("name starts with 'a'");
  await filter.press('Enter');
  await page.getByText(/Unknown field/).waitFor({ state: 'detached' });
  assert.equal(await page.getByText('Nothing matches.').count(), 0);
  await page.unrouteAll({ behavior: 'wait' });
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=total]').textContent) < 100);
  await page.getByRole('button', { name: 'Clear filter' }).click();
  await page.getByLabel('Search in Contacts').fill('anna');
  await page.getByRole('link', { name: /Anna/ }).first().waitFor();
  await page.getByLabel('Search in Contacts').fill('');
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('checkbox', { name: 'Department' }).check();
  await page.keyboard.press('Escape');
  await page.getByRole('columnheader', { name: 'Department' }).waitFor();
});

step('a record: edit, the error at the field, a change in between, a note', async () => {
  const { page } = e2e;
  await rows().nth(2).getByRole('link').first().click();
  await page.getByRole('tab', { name: 'Timeline' }).waitFor();
  await page.getByRole('button', { name: 'Add note' }).waitFor();
  await look('record');
  await page.getByRole('button', { name: /Show \d+ empty/ }).click();
  await page.getByRole('button', { name: 'Edit Job title' }).click();
  await page.getByLabel('Job title', { exact: true }).fill('Head of Tests');
  await page.keyboard.press('Enter');
  await page.getByText('Head of Tests').waitFor();
  await page.getByRole('button', { name: 'Edit Assistant phone' }).click();
  await page.getByLabel('Assistant phone', { exact: true }).fill('1');
  await page.keyboard.press('Enter');
  await page.getByText('A phone number has 3 to 15 digits', { exact: true }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Edit Department' }).click();
  await page.getByLabel('Department', { exact: true }).fill('Mine');
  await page.evaluate(async () => {
    const me = await (await fetch('/api/v1/me')).json();
    await fetch('/api/v1' + location.pathname.slice(2), { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: '{"department":"Theirs"}' });
  });
  await page.keyboard.press('Enter');
  await page.getByText('Somebody changed this in the meantime.').waitFor();
  await page.getByRole('button', { name: 'Save mine' }).click();
  await page.getByText('Mine', { exact: true }).waitFor();
  await page.getByLabel('Body').fill('Written by the test.');
  await page.getByRole('button', { name: 'Add note' }).click();
  await page.getByRole('listitem').getByText('Written by the test.').waitFor();
  await page.getByRole('tab', { name: 'Related' }).click();
  await page.getByRole('region', { name: 'Milestones' }).waitFor();
  await look('related');
  await page.getByRole('tab', { name: 'History' }).click();
  await page.getByText('Head of Tests').first().waitFor();
});

step('each kind of value has its own control', async () => {
  const { page } = e2e;
  const edit = (label) => page.getByRole('button', { name: 'Edit ' + label, exact: true }).click();
  const save = async () => {
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).waitFor({ state: 'detached' });
  };
  const panel = page.getByRole('region', { name: 'Fields' });
  await edit('Company');
  await page.getByRole('combobox', { name: 'Company' }).fill('river');
  await page.getByRole('option', { name: /Riversoft/ }).click();
  await save();
  await panel.getByRole('link', { name: /Riversoft/ }).waitFor();
  await edit('Lifecycle');
  await page.getByRole('combobox', { name: 'Lifecycle' }).click();
  await page.getByRole('option', { name: 'Evangelist' }).click();
  await save();
  await panel.getByText('Evangelist').waitFor();
  await edit('Birthday');
  await page.getByLabel('Birthday', { exact: true }).fill('1985-03-29');
  await save();
  await panel.getByText('Mar 29, 1985').waitFor();
  // it stands there as it is shown, and is understood with or without a year
  await edit('Birthday');
  assert.equal(await page.getByLabel('Birthday', { exact: true }).inputValue(), 'Mar 29, 1985');
  await page.getByLabel('Birthday', { exact: true }).fill('7 april 1986');
  await panel.getByText('Apr 7, 1986').waitFor();
  await page.getByLabel('Birthday', { exact: true }).fill('30.3.');
  await panel.getByText('Mar 30', { exact: true }).waitFor();
  await save();
  await panel.getByText('Mar 30', { exact: true }).waitFor();
  await edit('Tags');
  await page.getByRole('combobox', { name: 'Tags' }).fill('vip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await save();
  await panel.getByText('vip').waitFor();
  await edit('Emails');
  await page.getByRole('button', { name: 'Add another' }).click();
  await page.getByLabel('Emails 2', { exact: true }).fill('second@example.com');
  await save();
  await panel.getByText('second@example.com').waitFor();
  await edit('Do not call');
  await page.getByRole('combobox', { name: 'Do not call' }).click();
  await page.getByRole('option', { name: 'Yes' }).click();
  await save();
  await panel.getByText('Yes', { exact: true }).waitFor();
  await edit('Hobbies');
  await page.getByRole('combobox', { name: 'Hobbies' }).click();
  await page.getByRole('option', { name: 'Books' }).click();
  await page.keyboard.press('Tab');
  await save();
  await panel.getByText('Books').waitFor();
  await panel.getByRole('link', { name: /Riversoft/ }).click();
  await page.getByRole('heading', { name: /Riversoft/ }).waitFor();
  await page.getByRole('button', { name: /Show \d+ empty/ }).click();
  await edit('Annual revenue');
  await page.getByLabel('Annual revenue', { exact: true }).fill('1234567.89');
  await save();
  await panel.getByText('€1,234,567.89').waitFor();
});

step('create, delete and undo', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Contacts', exact: true }).first().click();
  await page.getByRole('button', { name: 'New', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Last name').fill('Quillfeather');
  await look('create');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Quillfeather' }).waitFor();
  await page.getByText('No way to reach').waitFor(); // the page has asked for all it shows
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Quillfeather was deleted.').waitFor();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByRole('heading', { name: 'Quillfeather' }).waitFor();
});

step('a record that somebody else deletes says so, asks for nothing more, and comes back', async () => {
  const { page } = e2e;
  const id = Number(new URL(page.url()).pathname.split('/').at(-1));
  await page.waitForTimeout(600); // what the undo before this changed has been heard of
  assert.equal((await api('DELETE', `/contacts/${id}`)).status, 204);
  await page.getByText('Quillfeather was deleted.').and(page.locator('.gone')).waitFor();
  await page.waitForTimeout(300);
  await look('gone');
  await page.locator('.gone').getByRole('button', { name: 'Restore' }).click();
  await page.locator('.gone').waitFor({ state: 'detached' });
  assert.equal((await api('GET', `/contacts/${id}`)).status, 200);
  // of one that is merged into another, the other is shown
  const other = await made('contacts', { last_name: 'Quillsurvivor' });
  assert.equal((await api('POST', '/contacts/merge', { ids: [other, id] })).status, 200);
  await page.getByRole('heading', { name: 'Quillsurvivor' }).waitFor();
  await visit('/');
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  assert.equal((await api('POST', `/contacts/${id}/restore`)).status, 200);
});

step('the palette finds by keys alone', async () => {
  const { page } = e2e;
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('quillf');
  await page.getByRole('option', { name: /Quillfeather/ }).waitFor();
  await look('palette');
  await page.keyboard.press('Escape');
  await visit('/');
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search' }).and(page.locator(':focus')).waitFor();
  await page.keyboard.type('quillf');
  await page.getByRole('option', { name: /Quillfeather/ }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Quillfeather' }).waitFor();
  await page.locator('#main').focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.goBack(); // the help does not stand over another page
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
  await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' });
});

step('import a file: what goes in, what does not, undo', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Contacts', exact: true }).first().click();
  await page.getByRole('button', { name: 'More', exact: true }).click();
  await page.getByRole('menuitem', { name: 'Import a file' }).click();
  const file = path.join(e2e.dir, 'people.csv');
  writeFileSync(file, 'First name;Last name;email;Shoe\nIda;Imported;ida@example.com;38\nBob;Broken;nothing;40\n');
  await page.getByLabel('Choose a file').setInputFiles(file);
  await page.getByText('Imported').waitFor();
  await page.getByRole('button', { name: 'Shoe goes to: Left out' }).waitFor();
  await page.getByRole('button', { name: 'Import 2 rows' }).click();
  for (const [what, n] of [['created', 1], ['updated', 0], ['rejected', 1]]) await page.locator(`[data-count=${what}]`).getByText(String(n), { exact: true }).waitFor();
  await look('import');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download rejected rows' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /Bob,Broken,nothing,40,.*@ is missing/);
  await page.getByRole('button', { name: 'Undo this import' }).click();
  await page.getByText('The import was taken back.').waitFor();
});

step('an object of one\'s own, with a field, at once in the sidebar and in a list', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Objects and fields' }).first().click();
  await page.getByLabel('Name of one').fill('Boat');
  await look('objects');
  await page.getByRole('button', { name: 'Add object' }).click();
  await page.getByRole('link', { name: 'Boats' }).first().waitFor();
  await page.getByRole('combobox', { name: 'Of which object' }).click();
  await page.getByRole('option', { name: 'Boat', exact: true }).click();
  await page.getByLabel('Label').fill('Length');
  await page.getByRole('combobox', { name: 'Kind' }).click();
  await page.getByRole('option', { name: 'Number', exact: true }).click();
  await page.getByRole('button', { name: 'Add field' }).click();
  await page.getByText('Length (Number)').waitFor();
  await page.getByRole('link', { name: 'Boats' }).first().click();
  await page.getByRole('button', { name: 'New: Boat' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill('Argo');
  await page.getByRole('dialog').getByLabel('Length').fill('12.5');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByRole('heading', { name: 'Argo' }).waitFor();
  await page.getByText('12.5', { exact: true }).waitFor();
});

step('live: a row changes under one\'s eyes', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Boats' }).first().click();
  await rows().getByText('Argo').waitFor();
  await page.evaluate(async () => {
    const me = await (await fetch('/api/v1/me')).json();
    await fetch('/api/v1/x_boats/1', { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': me.csrf }, body: '{"x_name":"Argo II"}' });
  });
  await rows().getByText('Argo II').waitFor();
});

step('a session that ends keeps what was typed', async () => {
  const { page } = e2e;
  await page.getByRole('link', { name: 'Contacts', exact: true }).first().click();
  await page.getByRole('button', { name: 'New', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Last name').fill('Kept');
  // an answer to the session that has ended comes when there is another
  let held;
  await page.route(/\/api\/v1\/contacts$/, (r) => { held = r; });
  await e2e.context.clearCookies();
  await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
  // not by the mouse: what looks by itself may have found the session ended, and the question stands before the form
  await page.getByRole('dialog').getByLabel('First name').evaluate((input) => { Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, 'Too'); input.dispatchEvent(new Event('input', { bubbles: true })); });
  await page.getByText('Your session has ended.').waitFor();
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Your session has ended.').waitFor({ state: 'detached' });
  await held.fulfill({ status: 401, json: { code: 'unauthenticated', title: 'Sign in', errors: [] } });
  await page.unroute(/\/api\/v1\/contacts$/);
  await page.getByRole('dialog').getByText('Sign in').waitFor();
  assert.equal(await page.getByText('Your session has ended.').count(), 0);
  assert.equal(await page.getByRole('dialog').getByLabel('Last name').inputValue(), 'Kept');
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
});

step('sign out, and in again with a second factor', async () => {
  const { page } = e2e;
  const secret = await page.evaluate(async () => (window.csrf = (await (await fetch('/api/v1/me')).json()).csrf) && (await (await fetch('/api/v1/me/totp', { method: 'POST', headers: { 'X-CSRF-Token': window.csrf } })).json()).secret);
  const status = await page.evaluate(async (code) => (await fetch('/api/v1/me/totp', { method: 'PUT', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': window.csrf }, body: JSON.stringify({ code }) })).status, totp(secret, 0));
  assert.ok(status < 300, `confirming answered ${status}`);
  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('E-mail').fill('ada@example.com');
  await page.locator('input[name=password]').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  // a code serves once: the one that confirmed is spent
  await page.locator('input[name=totp]').fill(totp(secret, 1));
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: /Hello/ }).waitFor();
});
