// imports.test.mjs - a file on its way into records: mapped, tried, run, undone, from the screens alone.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { api, e2e, hands, look, serve, step, until, visit } from './server.mjs';

serve();

const count = async (where) => (await api('GET', '/contacts/aggregate?measure=count()&where=' + encodeURIComponent(where))).body.rows[0]['count()'];
const put = (name, text) => { const file = path.join(e2e.dir, name); writeFileSync(file, text); return file; };
const counted = (what, n) => e2e.page.locator(`[data-count=${what}]`).getByText(String(n), { exact: true }).waitFor();
const pick = async (column, text, option) => {
  await e2e.page.getByRole('button', { name: `${column} goes to:` }).click();
  await e2e.page.getByRole('combobox', { name: 'Find a field' }).fill(text);
  await e2e.page.getByRole('option', { name: option, exact: true }).click();
};

step('a known CSV: at most four clicks from the home page, and undone with two', async () => {
  const { page } = e2e;
  const file = put('known.csv', 'First name,Last name,Email,City\n' + Array.from({ length: 20 }, (_, i) => `Kim${i},Known${i},kim${i}@known.example,Bonn`).join('\n') + '\n');
  const h = hands();
  await h.click(page.getByRole('button', { name: 'Import', exact: true }));
  await h.click(page.getByRole('menuitem', { name: 'Contacts' }));
  await page.getByText('Drop a file here, or').waitFor();
  await look('import-start');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), h.click(page.getByLabel('Choose a file'))]);
  await chooser.setFiles(file);
  await h.click(page.getByRole('button', { name: 'Import 20 rows' }));
  await counted('created', 20);
  assert.ok(h.n <= 4, `${h.n} clicks`);
  await look('import-result');
  assert.equal(await count("last_name like 'Known%'"), 20);
  await visit('/');
  const u = hands();
  await u.click(page.getByRole('button', { name: 'Undo the import of known.csv' }));
  await page.getByText('Taken back').waitFor();
  assert.ok(u.n <= 2, `${u.n} clicks`);
  assert.equal(await count("last_name like 'Known%'"), 0);
  await look('home-imports');
});

step('columns mapped by hand, a field made on the way, checked, run, rejected rows, undone', async () => {
  const { page } = e2e;
  await visit('/e/contacts/import', { afresh: true });
  await page.getByLabel('Choose a file').setInputFiles(put('people.csv', 'Vorname;Nachname;Mail;Wohnort;Schuh;Arbeit;Geboren am\nIda;Mapped;ida@mapped.example;Köln;38;Neue Firma;31.12.1980\nBob;Mapped;nothing;Bonn;40;;01.02.1990\n'));
  await page.getByRole('button', { name: 'Import 2 rows' }).waitFor();
  await page.getByRole('button', { name: 'Vorname goes to: First name' }).waitFor();
  assert.match(await page.getByRole('button', { name: 'Vorname goes to:' }).innerText(), /guessed/);
  await page.getByRole('button', { name: 'Wohnort goes to: Left out' }).waitFor();
  await look('import-map');
  await page.getByRole('button', { name: 'Wohnort goes to:' }).click();
  await page.getByRole('combobox', { name: 'Find a field' }).fill('home city');
  await page.getByRole('option', { name: 'Addresses (home): city' }).waitFor();
  await look('import-target');
  await page.getByRole('option', { name: 'Addresses (home): city' }).click();
  await page.getByRole('button', { name: 'Wohnort goes to: Addresses (home): city' }).waitFor();
  await pick('Arbeit', 'company', 'Company');
  await page.getByRole('checkbox', { name: 'Create Company where missing' }).check();
  await pick('Geboren am', 'birthday', 'Birthday');
  await page.getByLabel('How Geboren am writes dates').selectOption('dmy');
  await page.getByRole('button', { name: 'Schuh goes to:' }).click();
  await page.getByRole('option', { name: 'Create a field for “Schuh”' }).click();
  assert.equal(await page.getByRole('combobox', { name: 'What it holds' }).inputValue(), 'Whole number');
  await look('import-field');
  await page.getByRole('button', { name: 'Add field' }).click();
  await page.getByRole('button', { name: 'Schuh goes to: Schuh' }).waitFor();
  // what was chosen is kept when the page is left
  await until(async () => /x_schuh/.test(JSON.stringify((await api('GET', '/imports?sort=-id&limit=1&fields=options')).body.items[0].options)));
  await page.reload();
  await page.getByRole('button', { name: 'Schuh goes to: Schuh' }).waitFor();
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByText('This is what would happen:').waitFor();
  await counted('created', 1);
  await counted('rejected', 1);
  await page.getByRole('region', { name: 'Rejected rows' }).first().getByText(/@ is missing/).waitFor();
  await look('import-check');
  assert.equal(await count("last_name = 'Mapped'"), 0);
  // a trial no longer holds once the plan is another
  await page.getByRole('button', { name: 'Vorname goes to:' }).click();
  await page.getByRole('option', { name: 'Leave this column out' }).click();
  await page.getByText('This is what would happen:').waitFor({ state: 'detached' });
  await pick('Vorname', 'first name', 'First name');
  await page.getByRole('button', { name: 'Import 2 rows' }).click();
  await page.getByText('This is what happened:').waitFor();
  await counted('created', 1);
  const ida = (await api('GET', '/contacts?where=' + encodeURIComponent("last_name = 'Mapped'") + '&fields=addresses,company,birthday,x_schuh')).body.items[0];
  assert.deepEqual([ida.addresses[0].kind, ida.addresses[0].city, ida.company.name, ida.birthday, ida.x_schuh], ['home', 'Köln', 'Neue Firma', '1980-12-31', 38]);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download rejected rows' }).click()]);
  assert.match(readFileSync(await download.path(), 'utf8'), /Bob,Mapped,nothing,Bonn,40,.*@ is missing/);
  await page.getByRole('button', { name: 'Undo this import' }).click();
  await page.getByText('The import was taken back.').waitFor();
  assert.equal(await count("last_name = 'Mapped'"), 0);
  assert.equal(await page.getByRole('button', { name: 'Undo this import' }).count(), 0);
});

step('a format that was wrong: from the rejected rows back to the mapping, and in', async () => {
  const { page } = e2e;
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('dates.csv', 'Last name,Birthday\n' + Array.from({ length: 60 }, (_, i) => `Dated,13/${i % 12 + 1}/19${i + 10}`).join('\n') + '\n'));
  await page.getByLabel('How Birthday writes dates').selectOption('mdy');
  await page.getByRole('button', { name: 'Import 60 rows' }).click();
  await counted('rejected', 60);
  await page.getByRole('region', { name: 'Rejected rows · the first 50 of 60' }).first().getByText(/like 12\/31\/2026, the format of its column/).first().waitFor();
  await look('import-rejected');
  await page.getByRole('button', { name: 'Correct the 60 rejected rows' }).click();
  await page.getByRole('button', { name: 'Birthday goes to: Birthday' }).waitFor();
  assert.equal(await page.getByLabel('How Birthday writes dates').inputValue(), 'dmy');
  await page.getByRole('button', { name: 'Import 60 rows' }).click();
  await counted('created', 60);
  assert.equal(await count("last_name = 'Dated'"), 60);
});

step('the same people again: found by their e-mail, changed, and nothing else', async () => {
  const { page } = e2e;
  const known = (await api('GET', '/contacts?limit=1&fields=id,email,last_name&where=' + encodeURIComponent('email is not empty'))).body.items[0];
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('again.csv', `Email,Job title\n${known.email},Harbour master\nnobody@again.example,Ghost\n`));
  await page.getByLabel('What happens to them').selectOption('Update them, add nothing');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await counted('updated', 1);
  await page.getByRole('region', { name: 'The first changes' }).first().getByText(/Harbour master/).waitFor();
  await page.getByRole('button', { name: 'Import 2 rows' }).click();
  await page.getByText('This is what happened:').waitFor();
  assert.equal((await api('GET', `/contacts/${known.id}?fields=job_title`)).body.job_title, 'Harbour master');
  assert.equal(await count("email = 'nobody@again.example'"), 0);
});

step('a check is told in words: what is added to a list, dates and choices as people read them', async () => {
  const { page } = e2e;
  const id = (await api('POST', '/contacts', { last_name: 'Wordy', emails: ['wordy@words.example'], addresses: [{ street: 'Quay 1', postcode: '53111', city: 'Bonn', country: 'DE', kind: 'home' }], birthday: '1980-12-31', lifecycle: 'sales_qualified' })).body.id;
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('words.csv', 'Email,Second Email,City,Birthday,Lifecycle,Lead source\nwordy@words.example,more@words.example,BONN,1981-01-01,Customer,Moonbeam\n'));
  await page.getByRole('button', { name: 'Second Email goes to:' }).waitFor();
  await page.getByText('“Check” tells you what would happen and changes nothing.').waitFor();
  if (/Left out/.test(await page.getByRole('button', { name: 'Second Email goes to:' }).innerText())) await pick('Second Email', 'emails other', 'Emails (other)');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await counted('updated', 1);
  const said = (await page.getByRole('region', { name: 'The first changes' }).first().locator('li').allInnerTexts()).map((x) => x.trim());
  assert.deepEqual(said, ['Emails: added: more@words.example', 'Birthday: Dec 31, 1980 → Jan 1, 1981', 'Lifecycle: Sales qualified → Customer']);
  await page.getByText('"Moonbeam" is not one of: Web site, Referral').waitFor();
  await look('import-words');
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await page.getByText('This is what happened:').waitFor();
  assert.deepEqual((await api('GET', `/contacts/${id}?fields=addresses`)).body.addresses.map((a) => a.street), ['Quay 1']);
});

step('a long one: paused, gone on with, cancelled; a bad file says why; vCards; JSON lines', async () => {
  const { page } = e2e;
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('long.csv', 'Last name,Email\n' + Array.from({ length: 9000 }, (_, i) => `Long${i},long${i}@long.example`).join('\n') + '\n'));
  await page.getByRole('button', { name: 'Import 9,000 rows' }).click();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText(/^Paused after/).waitFor();
  await look('import-paused');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByText('This is what happened:').waitFor({ timeout: 60_000 });
  assert.equal(await count("last_name like 'Long%'"), 9000);
  await page.getByRole('button', { name: 'Undo this import' }).click();
  await page.getByText('The import was taken back.').waitFor({ timeout: 60_000 });
  assert.equal(await count("last_name like 'Long%'"), 0);
  await page.getByRole('link', { name: 'Import another file' }).click();
  await page.getByRole('region', { name: 'Earlier imports' }).getByText('people.csv').waitFor();
  await look('import-earlier');
  await page.getByLabel('Choose a file').setInputFiles(put('open.csv', 'a,b\n"never,closed\n'));
  await page.getByText(/line 2 never closes/).waitFor();
  await look('import-failed');
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('cards.vcf', 'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Card;Ana;;;\r\nEMAIL;TYPE=WORK:ana@card.example\r\nEND:VCARD\r\n'));
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await counted('created', 1);
  await visit('/e/contacts/import');
  await page.getByLabel('Choose a file').setInputFiles(put('lines.jsonl', '{"last_name":"Lines","emails":["lines@card.example"]}\n'));
  await page.getByText('there is nothing to match').waitFor();
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await counted('created', 1);
});

step('a file dropped on the page', async () => {
  const { page } = e2e;
  await visit('/e/companies/import');
  await page.getByText('Drop a file here, or').waitFor();
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File(['Name,Domain\nDropped Ltd,dropped.example\n'], 'dropped.csv', { type: 'text/csv' }));
    const at = document.querySelector('.drop');
    for (const kind of ['dragover', 'drop']) at.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
  });
  await page.getByRole('button', { name: 'Import 1 row' }).click();
  await counted('created', 1);
});
