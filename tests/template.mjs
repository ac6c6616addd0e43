// template.mjs - installations to copy: making one takes seconds in a build with sanitizers, and each test file wants its own.
//   node tests/template.mjs FOLDER     makes them there; with KITH_TEST_PG as databases of that cluster
//   KITH_TEST_TEMPLATES=FOLDER         tests copy them; without it each makes its own
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
export const KITH = process.env.KITH ?? path.join(root, 'build/kith');
export const POSTGRES = process.env.KITH_TEST_PG;
export const PASSWORD = 'correct horse battery';
const folder = process.env.KITH_TEST_TEMPLATES;

// empty: a token of its administrator; shop: the sample business
const KINDS = {
  empty: { admin: 'admin@kith.example' },
  shop: { admin: 'ada@example.com', people: 300 },
};

const databaseOf = (kind) => 'kith_template_' + kind;

async function createDatabase(name, template) {
  await run('psql', [POSTGRES, '-qc', `CREATE DATABASE ${name}${template ? ` TEMPLATE ${databaseOf(template)} STRATEGY file_copy` : ''}`]);
  const url = new URL(POSTGRES);
  url.pathname = '/' + name;
  return { url: url.href, drop: () => run('psql', [POSTGRES, '-qc', `DROP DATABASE ${name} WITH (FORCE)`]) };
}

// The template of that name, or undefined when there is none: a kind of KINDS.
export const templateOf = (kind) => (folder && existsSync(path.join(folder, kind, 'data')) ? kind : undefined);

// A database of its own on PostgreSQL, undefined on SQLite.
export const newDatabase = (template) => (POSTGRES ? createDatabase('kith_' + randomBytes(6).toString('hex'), template) : undefined);

// Copies the template to dir; the administrator's token where it has one.
export function copyTemplate(kind, dir, database) {
  cpSync(path.join(folder, kind, 'data'), dir, { recursive: true });
  const conf = path.join(dir, 'kith.conf'), token = path.join(folder, kind, 'token');
  if (database) writeFileSync(conf, readFileSync(conf, 'utf8').replace(/^database = .*$/m, 'database = ' + database.url));
  return existsSync(token) ? readFileSync(token, 'utf8') : undefined;
}

// An installation at dir.
export async function init(dir, { admin, people, more = [] }, database) {
  const password = path.join(path.dirname(dir), 'password');
  writeFileSync(password, PASSWORD + '\n');
  await run(KITH, ['init', '--data', dir, '--admin', admin, '--password-file', password, ...(database ? ['--db', database.url] : []), ...more]);
  if (people) await run(KITH, ['demo', '--data', dir, '--people', String(people)]);
}

async function make(into) {
  for (const [kind, of] of Object.entries(KINDS)) {
    const base = path.join(into, kind), data = path.join(base, 'data');
    mkdirSync(base, { recursive: true });
    await init(data, of, POSTGRES ? await createDatabase(databaseOf(kind)) : undefined);
    if (kind === 'empty') {
      const { stdout } = await run(KITH, ['token', 'create', '--data', data, '--user', of.admin, '--name', 'test']);
      writeFileSync(path.join(base, 'token'), stdout.trim().split('\n').pop());
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await make(process.argv[2]);
