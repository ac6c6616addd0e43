// list.test.mjs - a list: keys, values changed in place, filters, order, groups, columns, many at once, the side panel.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { api, e2e, hands, look, serve, step, visit } from './server.mjs';

serve();

const grid = () => e2e.page.getByRole('grid');
const total = (n) => e2e.page.getByTestId('total').getByText(n, { exact: true }).waitFor();
const rowOf = (name) => grid().getByRole('row').filter({ has: e2e.page.getByRole('link', { name, exact: true }) });
/** The cell of a row under a column's name. */
async function cell(row, column) {
  const names = await grid().getByRole('columnheader').allInnerTexts();
  const i = names.findIndex((x) => x.replace(/[↑↓\d]/g, '').trim() === column);
  assert.ok(i >= 0, `no column ${column} among ${names.join()}`);
  return row.getByRole('gridcell').nth(i);
}
const focused = () => e2e.page.evaluate(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex'));
const open = async (query = '') => {
  await visit(`/e/contacts${query}`);
  await grid().getByRole('row').nth(3).waitFor();
};
const first = () => grid().getByRole('link').first().innerText();

step('keys walk through the grid, and End shows the end', async () => {
  const { page } = e2e;
  await open();
  await total('300');
  assert.equal(await grid().getAttribute('aria-rowcount'), '301');
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  assert.equal(await focused(), '2');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex') === '4');
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex') === '3');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.waitForFunction(() => document.activeElement.closest('[role=columnheader]'));
  await page.keyboard.press('ArrowDown');
  const last = (await api('GET', '/contacts?sort=-id&limit=1&fields=name')).body.items[0];
  // what was asked on the way: the end comes in one window, not by all of them
  const asked = [];
  page.on('request', (r) => { if (/\/contacts\?/.test(r.url())) asked.push(r.url()); });
  await page.keyboard.press('End');
  await page.waitForFunction(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex') === '301');
  assert.equal(await page.evaluate(() => document.activeElement.innerText), last.name);
  assert.ok(asked.some((u) => /sort=-id/.test(u)) && asked.length <= 2, asked.join('\n'));
  await page.getByRole('button', { name: 'From the beginning' }).waitFor();
  // upwards from the end without a jump, also where rows come late
  await page.route(/\/contacts\?/, async (r) => { await sleep(300); await r.continue(); });
  for (let at = 301, i = 0; at >= 150; i++) {
    assert.ok(i < 40, `it goes on past ${at}`);
    await page.keyboard.press('PageUp');
    // read where it is waited for: while rows come the grid itself may have the focus for a moment
    const row = await page.waitForFunction(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex'));
    const now = Number(await row.jsonValue());
    assert.ok(now <= at && now > at - 80, `from ${at} to ${now}`);
    at = now;
  }
  await page.unrouteAll({ behavior: 'wait' });
  await page.keyboard.press('Home');
  await page.waitForFunction(() => document.activeElement.closest('[role=row]')?.getAttribute('aria-rowindex') === '2');
  assert.ok((await page.evaluate(() => document.querySelectorAll('*').length)) < 1500);
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Timeline' }).waitFor();
  await page.goBack();
});

step('a value changed in place: two clicks, keys, refusal, undo', async () => {
  const { page } = e2e;
  await open('?cols=name,lifecycle,job_title,household_size,email');
  const name = await first();
  const row = rowOf(name);
  const h = hands();
  await h.click(await cell(row, 'Lifecycle'));
  await h.click(page.getByRole('option', { name: 'Evangelist' }));
  await (await cell(row, 'Lifecycle')).getByText('Evangelist').waitFor();
  assert.ok(h.n <= 2, `${h.n} clicks`);
  const t = hands();
  await t.click(await cell(row, 'Job title'));
  await page.getByRole('textbox', { name: 'Job title' }).waitFor();
  await page.keyboard.press('Control+a'); // part of the typing: the old text goes
  await t.type('Captain');
  await t.press('Enter');
  await (await cell(row, 'Job title')).getByText('Captain').waitFor();
  assert.ok(t.n <= 2, `${t.n} clicks and keys`);
  // F2, Tab saves and goes right, which is where Esc leaves things as they were
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'Job title' }).fill('Admiral');
  await page.keyboard.press('Tab');
  await (await cell(row, 'Job title')).getByText('Admiral').waitFor();
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'Household size' }).fill('many');
  await page.keyboard.press('Enter');
  await page.locator('.celleditor').getByText(/number/).waitFor();
  await look('celleditor');
  await page.keyboard.press('Escape');
  await page.locator('.celleditor').waitFor({ state: 'detached' });
  await page.keyboard.press('Control+z');
  await (await cell(row, 'Job title')).getByText('Captain').waitFor();
  const stored = (await api('GET', `/contacts?where=${encodeURIComponent(`name = '${name}'`)}&fields=job_title,lifecycle`)).body.items[0];
  assert.equal(stored.job_title, 'Captain');
});

step('what a list repeats or is made of parts is changed in place too; what cannot be changed says why', async () => {
  const { page } = e2e;
  await open('?cols=name,email,phone,city,open_tasks,created_at');
  const name = await first(), where = `/contacts?where=${encodeURIComponent(`name = '${name}'`)}&fields=id`;
  const { id } = (await api('GET', where)).body.items[0];
  const now = async () => (await api('GET', `/contacts/${id}`)).body;
  await api('PATCH', `/contacts/${id}`, { emails: ['first@list.example', { address: 'second@list.example', kind: 'home', primary: true }], addresses: [{ street: 'Quay 1', city: 'Bonn', kind: 'home' }] });
  await (await cell(rowOf(name), 'Email')).getByText('second@list.example').waitFor();
  const put = async (column, text) => {
    await (await cell(rowOf(name), column)).click();
    await page.getByRole('textbox', { name: column }).fill(text);
    await page.keyboard.press('Enter');
    await (await cell(rowOf(name), column)).getByText(text).waitFor();
  };
  await put('Email', 'third@list.example');
  await put('City', 'Köln');
  await put('Phone', '+49301234567');
  const r = await now();
  assert.deepEqual(r.emails.map((x) => [x.address, x.kind, x.primary]), [['first@list.example', undefined, false], ['third@list.example', 'home', true]]);
  assert.deepEqual([r.addresses.length, r.addresses[0].street, r.addresses[0].city, r.addresses[0].kind], [1, 'Quay 1', 'Köln', 'home']);
  await (await cell(rowOf(name), 'Email')).click();
  await page.getByRole('textbox', { name: 'Email' }).fill('nobody');
  await page.keyboard.press('Enter');
  await page.locator('.celleditor').getByText(/@ is missing/).waitFor();
  await page.keyboard.press('Escape');
  // the name by its parts, Tab between them; and back
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'First name' }).waitFor();
  await look('namecell');
  await page.keyboard.press('Escape');
  await page.locator('.celleditor').waitFor({ state: 'detached' });
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  await page.keyboard.press('F2');
  await page.getByRole('textbox', { name: 'First name' }).waitFor();
  await page.keyboard.press('Control+a');
  await page.keyboard.type('Wilhelmina');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('Listed');
  await page.keyboard.press('Enter');
  await rowOf('Wilhelmina Listed').waitFor();
  await page.keyboard.press('Control+z');
  await rowOf(name).waitFor();
  await page.keyboard.press('Control+z');
  await (await cell(rowOf(name), 'City')).getByText('Köln').waitFor();
  await page.keyboard.press('Control+z');
  await (await cell(rowOf(name), 'City')).getByText('Bonn').waitFor();
  // a double click or Enter says why not
  await (await cell(rowOf(name), 'Open tasks')).dblclick();
  await page.getByRole('alert').getByText('This is calculated from other fields.').waitFor();
  assert.equal(await page.locator('.celleditor').count(), 0);
  await look('cellhint');
  await rowOf(name).waitFor();
  await (await cell(rowOf(name), 'Open tasks')).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('alert').waitFor({ state: 'detached' });
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('Kith fills this in by itself.').waitFor();
  assert.ok(page.url().includes('/e/contacts?'));
});

step('a change in between is shown, not overwritten', async () => {
  const { page } = e2e;
  await open('?cols=name,job_title');
  const name = await first();
  const row = rowOf(name);
  await (await cell(row, 'Job title')).click();
  await page.getByRole('textbox', { name: 'Job title' }).fill('Mine');
  const { id } = (await api('GET', `/contacts?where=${encodeURIComponent(`name = '${name}'`)}&fields=id`)).body.items[0];
  await api('PATCH', `/contacts/${id}`, { job_title: 'Theirs' });
  await page.keyboard.press('Enter');
  await page.getByText('Somebody changed this in the meantime.').waitFor();
  await page.getByRole('button', { name: 'Save mine' }).click();
  await (await cell(row, 'Job title')).getByText('Mine', { exact: true }).waitFor();
});

step('filters: typed whole, as chips, in the builder, as text with suggestions', async () => {
  const { page } = e2e;
  await open();
  await page.keyboard.press('f');
  await page.getByRole('combobox', { name: 'Add a filter' }).waitFor();
  await look('addfilter');
  await page.keyboard.type('city berlin');
  await page.getByRole('option', { name: 'City is berlin' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Change: City is berlin' }).waitFor();
  await page.waitForFunction(() => Number(document.querySelector('[data-testid=total]').textContent) < 100);
  const inBerlin = (await api('GET', "/contacts/aggregate?measure=count()&where=" + encodeURIComponent("city = 'Berlin'"))).body.rows[0]['count()'];
  await total(String(inBerlin));
  // a second one by clicking
  await page.getByRole('button', { name: '+ Filter' }).click();
  await page.getByRole('combobox', { name: 'Add a filter' }).fill('lifecycle');
  await page.getByRole('option', { name: 'Lifecycle', exact: true }).click();
  await page.getByRole('combobox', { name: 'Value' }).click();
  await page.getByRole('option', { name: 'Customer', exact: true }).click();
  await page.getByRole('option', { name: 'Lead', exact: true }).click();
  await page.getByLabel('Field', { exact: true }).focus();
  await page.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('button', { name: 'Change: Lifecycle is any of Customer, Lead' }).waitFor();
  assert.match(decodeURIComponent(page.url()).replaceAll('+', ' '), /where=city = 'berlin' and lifecycle in \('customer', 'lead'\)/);
  await look('chips');
  // changed in place
  await page.getByRole('button', { name: 'Change: City is berlin' }).click();
  await page.getByLabel('Operator').selectOption('starts with');
  await page.getByRole('textbox', { name: 'Value' }).fill('m');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Change: City starts with m' }).waitFor();
  // the builder: or, not, and the text follows
  await page.getByRole('button', { name: '+ Filter' }).click();
  await page.getByRole('button', { name: 'All conditions…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Filter' });
  await dialog.getByLabel('How they are joined').selectOption('or');
  await dialog.getByRole('checkbox', { name: 'not' }).first().check();
  assert.equal(await dialog.getByLabel('As text').inputValue(), "not city starts with 'm' or lifecycle in ('customer', 'lead')");
  await look('builder');
  await dialog.getByLabel('As text').fill("city = 'Berlin' and not (lifecycle = 'lead' or count(tasks) > 2)");
  assert.equal(await dialog.getByRole('group', { name: 'Any of these' }).count(), 1);
  await dialog.getByRole('button', { name: 'Apply' }).click();
  await page.getByRole('button', { name: /Change: not \(lifecycle/ }).waitFor();
  // an opposite that the language knows is a chip like any other
  await visit(`/e/contacts?where=${encodeURIComponent("city = 'Berlin' and not lifecycle = 'lead'")}`, { afresh: true });
  await page.getByRole('button', { name: 'Change: Lifecycle is not Lead' }).waitFor();
  await visit(`/e/contacts?where=${encodeURIComponent("city = 'Berlin' and not (lifecycle = 'lead' or count(tasks) > 2)")}`);
  await grid().getByRole('row').nth(1).waitFor();
  // as text: one types at once, Esc leads back to where one was
  const filter = page.getByRole('combobox', { name: 'Filter', exact: true });
  const inFilter = () => page.waitForFunction(() => document.activeElement.matches('form.where input'));
  await page.getByRole('button', { name: 'Filter as text' }).click();
  await inFilter();
  await page.keyboard.press('Escape');
  await filter.waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Filter as text');
  await page.keyboard.press('Enter');
  await inFilter();
  // one that is wrong lists nothing: the rows of before do not fit it
  await page.keyboard.type(' and citty = 1');
  await page.keyboard.press('Enter');
  await page.getByText('This filter does not work, so nothing is listed.').waitFor();
  await page.getByText(/Unknown field "citty"/).waitFor();
  assert.deepEqual([await grid().count(), await page.getByTestId('total').innerText()], [0, '']);
  await look('filterwrong');
  await filter.focus();
  await page.keyboard.press('End');
  for (let i = 0; i < ' and citty = 1'.length; i++) await page.keyboard.press('Backspace');
  await page.keyboard.press('Enter');
  await grid().getByRole('row').nth(1).waitFor();
  assert.equal(await filter.inputValue(), "city = 'Berlin' and not (lifecycle = 'lead' or count(tasks) > 2)");
  await filter.fill('');
  await page.keyboard.type('life');
  await page.getByRole('option', { name: /^Lifecycle lifecycle/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  assert.equal(await filter.inputValue(), 'lifecycle ');
  await page.getByRole('option', { name: '=', exact: true }).waitFor();
  await look('suggestions');
  await page.keyboard.type('= ');
  await page.getByRole('option', { name: /^Customer/ }).click();
  assert.equal(await filter.inputValue(), "lifecycle = 'customer'");
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /where=lifecycle/.test(location.search));
  await page.getByRole('button', { name: 'Filter as text' }).click();
  await page.getByRole('button', { name: 'Remove: Lifecycle is Customer' }).click();
  await total('300');
  // nothing fits: said so, with a way out
  await page.getByRole('button', { name: '+ Filter' }).click();
  await page.getByRole('combobox', { name: 'Add a filter' }).fill('city nowhere');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing matches.').waitFor();
  await page.getByRole('button', { name: 'Clear filter' }).last().click();
  await total('300');
});

step('order by several, a jump, groups with counts', async () => {
  const { page } = e2e;
  const days = (await api('GET', '/contacts?sort=birthday&limit=200&fields=birthday')).body.items.flatMap((x) => x.birthday?.slice(-5) ?? []);
  assert.deepEqual(days, [...days].sort(), 'a birthday is a day in the year');
  await open();
  await page.getByRole('button', { name: 'Lifecycle', exact: true }).click();
  await page.getByRole('button', { name: 'Name', exact: true }).click({ modifiers: ['Shift'] });
  await page.waitForFunction(() => /sort=lifecycle%2Cname/.test(location.search));
  const want = (await api('GET', '/contacts?sort=lifecycle,name&limit=1&fields=name')).body.items[0].name;
  await page.waitForFunction((n) => document.querySelector('[role=grid] a.rowlink').textContent === n, want);
  await page.getByRole('button', { name: 'Sort · 2' }).click();
  await page.getByLabel('Direction, 1').selectOption('-');
  await page.waitForFunction(() => /sort=-lifecycle%2Cname/.test(location.search));
  await page.getByRole('button', { name: 'Remove 1' }).click();
  await page.getByRole('textbox', { name: 'Begin at Name' }).fill('M');
  await page.getByRole('button', { name: 'Go', exact: true }).click();
  await page.getByText('From: M').waitFor();
  await page.waitForFunction(() => document.querySelector('[role=grid] a.rowlink').textContent.toUpperCase() >= 'M');
  await page.getByRole('button', { name: 'From the beginning' }).click();
  await page.getByRole('button', { name: 'Group', exact: true }).click();
  await page.getByRole('combobox', { name: 'Group', exact: true }).selectOption('lifecycle');
  await page.keyboard.press('Escape');
  const counts = Object.fromEntries((await api('GET', '/contacts/aggregate?group=lifecycle&measure=count()')).body.rows.map((r) => [r.lifecycle, r['count()']]));
  await page.locator('.groupcell', { hasText: 'Lead' }).first().getByText(String(counts.lead), { exact: true }).waitFor();
  await rowLoaded();
  await look('groups');
  await page.locator('.groupcell').first().click();
  await page.locator('.groupcell[aria-expanded=false]').waitFor();
  await page.locator('.groupcell').nth(1).focus();
  await page.keyboard.press('ArrowLeft');
  await page.waitForFunction(() => document.querySelectorAll('.groupcell[aria-expanded=false]').length === 2);
  await page.getByRole('button', { name: 'Group: Lifecycle' }).click();
  await page.getByRole('combobox', { name: 'Group', exact: true }).selectOption('created_at');
  await page.locator('.groupcell', { hasText: /^.*[A-Z][a-z]{2} 20\d\d/ }).first().waitFor();
  await page.getByRole('combobox', { name: 'Group', exact: true }).selectOption('');
  await page.locator('.groupcell').first().waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
});
const rowLoaded = () => grid().getByRole('link').first().waitFor();

step('columns: chosen, moved, sized; the first stays', async () => {
  const { page } = e2e;
  await open();
  const names = async () => (await grid().getByRole('columnheader').allInnerTexts()).map((x) => x.trim()).filter(Boolean);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('textbox', { name: 'Find a field' }).fill('department');
  await page.getByRole('checkbox', { name: 'Department' }).click();
  await page.getByRole('checkbox', { name: 'Department', checked: true }).waitFor();
  await page.getByRole('textbox', { name: 'Find a field' }).fill('');
  await page.getByRole('button', { name: 'Department: one place up' }).click();
  await look('columns');
  await page.keyboard.press('Escape');
  const before = await names();
  assert.equal(before.at(-2), 'Department');
  // by the keys
  await grid().getByRole('button', { name: 'Email', exact: true }).focus();
  await page.keyboard.press('Alt+ArrowRight');
  await page.waitForFunction(() => [...document.querySelectorAll('[role=columnheader]')][3].innerText.trim() === 'Email');
  const width = () => grid().getByRole('columnheader', { name: 'Email' }).evaluate((x) => Math.round(x.getBoundingClientRect().width));
  await page.keyboard.press('Shift+ArrowRight');
  const one = await width();
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction((w) => Math.round([...document.querySelectorAll('[role=columnheader]')][3].getBoundingClientRect().width) === w + 16, one);
  // by the mouse
  const edge = await grid().getByRole('columnheader', { name: 'Email' }).locator('.sizer').boundingBox();
  await page.mouse.move(edge.x + 4, edge.y + 10);
  await page.mouse.down();
  await page.mouse.move(edge.x + 84, edge.y + 10, { steps: 4 });
  await page.mouse.up();
  await page.waitForFunction((w) => Math.abs([...document.querySelectorAll('[role=columnheader]')][3].getBoundingClientRect().width - w) < 3, one + 16 + 80);
  await grid().getByRole('columnheader', { name: 'Company' }).dragTo(grid().getByRole('columnheader', { name: 'Phone' }));
  await page.waitForFunction(() => [...document.querySelectorAll('[role=columnheader]')][2].innerText.trim() === 'Company');
  // frozen
  await page.setViewportSize({ width: 1024, height: 800 });
  await grid().evaluate((x) => x.scrollTo(400, 0));
  const left = await grid().getByRole('link').first().evaluate((x) => x.getBoundingClientRect().left - x.closest('[role=grid]').getBoundingClientRect().left);
  assert.ok(left >= 40 && left < 80, `the first column stands at ${left}`);
  await page.locator('.table[data-aside]').waitFor();
  const line = await grid().getByRole('row').nth(2).getByRole('gridcell').nth(1).evaluate((x) => { const s = getComputedStyle(x); return [s.borderInlineEndWidth, s.boxShadow !== 'none']; });
  assert.deepEqual(line, ['1px', true], 'its edge is seen');
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.reload();
  await rowLoaded();
  assert.equal((await names())[1], 'Company');
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('button', { name: 'Default columns' }).click();
  await page.keyboard.press('Escape');
});

step('from record to record the way leads past the rows that the list had read', async () => {
  const { page } = e2e;
  await open();
  await grid().getByRole('link').first().click();
  await page.getByText('1 of 100+', { exact: true }).waitFor();
  for (let n = 1; n < 120; n++) {
    await page.keyboard.press('j');
    await page.getByText(new RegExp(`^${n + 1} of \\d+`)).waitFor();
  }
  assert.match(await page.locator('.steps').innerText(), /120 of 200\+/);
});

step('a flood of changes, as of an import, is followed now and then, and to its end', async () => {
  const { page } = e2e;
  await open('?cols=name,job_title');
  const asked = [];
  const note = (r) => { if (/aggregate/.test(r.url())) asked.push(r.url()); };
  page.on('request', note);
  const begun = Date.now();
  let n = 0;
  for (; Date.now() - begun < 5000; n++) {
    const r = await api('POST', '/contacts/bulk', { where: '', set: { job_title: `Flood ${n}` } });
    assert.equal(r.status, 202, JSON.stringify(r.body));
    await sleep(300);
  }
  await grid().getByText(`Flood ${n - 1}`, { exact: true }).first().waitFor();
  page.off('request', note);
  assert.ok(n >= 4, `${n} floods`);
  assert.ok(asked.length <= 2 + Math.ceil((Date.now() - begun) / 1500), `${asked.length} questions in ${Date.now() - begun} ms`);
});

step('many at once: a field of a filtered list in five, taken back', async () => {
  const { page } = e2e;
  await open(`?where=${encodeURIComponent("city = 'Berlin'")}`);
  const where = encodeURIComponent("city = 'Berlin' and department = 'Harbour'");
  const count = async () => (await api('GET', `/contacts/aggregate?measure=count()&where=${where}`)).body.rows[0]['count()'];
  const all = Number(await page.getByTestId('total').filter({ hasText: /\d/ }).innerText());
  const h = hands();
  await h.click(page.getByRole('checkbox', { name: 'Choose all' }));
  await page.getByRole('region', { name: 'Chosen records' }).waitFor();
  await look('bulk');
  await h.click(page.getByRole('button', { name: 'Change', exact: true }));
  await page.getByRole('combobox', { name: 'Which field' }).waitFor();
  await h.type('department');
  await h.press('Enter');
  await page.getByRole('textbox', { name: 'Department' }).waitFor();
  await h.type('Harbour');
  await h.press('Enter');
  await page.getByText(`${all} changed.`).waitFor();
  assert.ok(h.n <= 5, `${h.n} clicks and keys`);
  assert.equal(await count(), all);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.getByText(`${all} changed.`).waitFor({ state: 'detached' });
  assert.equal(await count(), 0);
});

step('choosing: x, shift, a range, all that match; tags, owner, delete, export', async () => {
  const { page } = e2e;
  await open('?sort=name');
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  await page.keyboard.press('x');
  await page.keyboard.press('Shift+ArrowDown');
  await page.getByText('2 chosen').waitFor();
  await grid().getByRole('checkbox').nth(6).click({ modifiers: ['Shift'] });
  await page.getByText('6 chosen').waitFor();
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  assert.equal(readFileSync(await file.path(), 'utf8').trim().split('\n').length, 7);
  await page.getByRole('button', { name: 'Tags', exact: true }).click();
  await page.getByRole('combobox', { name: 'Tags' }).fill('spring');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('6 changed.').waitFor();
  assert.equal((await api('GET', `/contacts/aggregate?measure=count()&where=${encodeURIComponent("tags has 'spring'")}`)).body.rows[0]['count()'], 6);
  await page.getByRole('checkbox', { name: 'Choose all' }).click();
  await page.getByRole('button', { name: 'Choose all 300' }).click();
  await page.getByText('300 chosen').waitFor();
  await page.getByRole('button', { name: 'Owner', exact: true }).click();
  await page.getByRole('combobox', { name: 'Owner' }).fill('Maya');
  await page.getByRole('option', { name: /Maya/ }).click();
  await page.getByText('300 changed.').or(page.getByText(/^2\d\d changed\./)).first().waitFor();
  assert.equal((await api('GET', `/contacts/aggregate?measure=count()&where=${encodeURIComponent("owner.name = 'Maya Lindt'")}`)).body.rows[0]['count()'], 300);
  await grid().getByRole('checkbox').nth(1).click();
  await grid().getByRole('checkbox').nth(2).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByText('2 changed.').waitFor();
  await total('298');
  await page.keyboard.press('Control+z');
  await total('300');
});

step('beside the list, and why a record is in it', async () => {
  const { page } = e2e;
  await open(`?where=${encodeURIComponent("city = 'Berlin' and not (lifecycle = 'lead')")}`);
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  const name = await page.evaluate(() => document.activeElement.innerText);
  await page.keyboard.press(' ');
  const panel = page.getByRole('complementary', { name: `Beside the list: ${name}` });
  await panel.getByRole('region', { name: 'Why it is here' }).getByText("city = 'Berlin'", { exact: true }).waitFor();
  await panel.getByText('Lifecycle', { exact: true }).waitFor();
  await look('peek');
  await grid().locator('[role=gridcell][tabindex="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await panel.waitFor({ state: 'detached' });
  await page.getByRole('complementary', { name: /^Beside the list/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('complementary', { name: /^Beside the list/ }).waitFor({ state: 'detached' });
});

step('tasks: what one needs fits on the screen, and what is overdue says so', async () => {
  const { page } = e2e;
  await visit(`/e/tasks?where=${encodeURIComponent('overdue = true')}&sort=due`);
  await grid().getByRole('row').nth(3).waitFor();
  assert.deepEqual((await grid().getByRole('columnheader').allInnerTexts()).map((x) => x.replace(/[↑↓]/g, '').trim()).filter(Boolean), ['Title', 'Due', 'Status', 'Owner', 'Contact']);
  assert.equal(await grid().evaluate((x) => x.scrollWidth - x.clientWidth), 0, 'nothing lies off the screen');
  const due = await cell(grid().getByRole('row').nth(1), 'Due');
  assert.match(await due.innerText(), /^Overdue [A-Z][a-z]{2} \d/);
  await look('overdue');
  const { id } = (await api('GET', `/tasks?where=${encodeURIComponent('overdue = true')}&sort=due&limit=1&fields=id`)).body.items[0];
  await visit('/e/tasks?sort=due');
  await grid().getByRole('row').nth(1).getByText('Overdue').waitFor();
  await api('PATCH', `/tasks/${id}`, { status: 'done' });
  await grid().getByRole('row').nth(1).getByText('Overdue').waitFor({ state: 'detached' });
});

step('export of what is shown, help, a phone', async () => {
  const { page } = e2e;
  await open(`?where=${encodeURIComponent("city = 'Berlin'")}&sort=name&cols=name,city`);
  const n = Number(await page.getByTestId('total').filter({ hasText: /\d/ }).innerText());
  for (const [item, lines] of [['Export as CSV', n + 1], ['Export as JSON lines', n]]) {
    await page.getByRole('button', { name: 'More', exact: true }).click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: item }).click()]);
    const text = readFileSync(await file.path(), 'utf8').trim();
    assert.equal(text.split('\n').length, lines, item);
    assert.match(text, /Berlin/);
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await look('keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('c');
  await page.getByRole('dialog', { name: /New/ }).waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Search in Contacts');
  await page.setViewportSize({ width: 360, height: 740 });
  await page.getByRole('region', { name: 'Contacts' }).getByRole('checkbox').first().check();
  await page.getByText('1 chosen').waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing sticks out');
  await page.setViewportSize({ width: 1440, height: 900 });
});
