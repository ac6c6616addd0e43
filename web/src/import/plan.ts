// What an import knows of its file, and where each column may go. No React here.
import { call, upload } from '../api/client';
import { SLOTS, slotWord } from '../fields/format';
import { t, type Key } from '../locale/t';
import { can, valueKind, type Entity, type Field, type Meta, type Rec } from '../meta/meta';

export interface Column { column: string; samples?: string[]; filled?: number; field: string | null; format?: string; decimal?: string; country?: string; create?: boolean }
export interface Plan { columns: Column[]; keys: string[]; mode: string; empty: string }
export interface Reject { row: number; errors: { field: string; message: string }[] }
export interface Report {
  check: boolean; rows: number; created: number; updated: number; unchanged: number; skipped: number; rejected: number; warned: number;
  changes: { row: number; id: number; name: string; changes: { field: string; from: unknown; to: unknown }[] }[];
  rejects: Reject[]; warnings: { row: number; field: string; message: string }[];
}
export interface Import extends Rec {
  name: string; entity: string; state: string; rows: number | null; position: number | null; columns: Column[] | null; options: Partial<Plan> | null;
  created: number | null; updated: number | null; unchanged: number | null; skipped: number | null; rejected: number | null; report: Report | null; error: string | null; change_set: number | null;
}
export const BUSY = new Set(['reading', 'checking', 'running']);

/** Sends a file and begins its import; what it holds is known a moment later. */
export async function begin(e: Entity, file: File): Promise<number> {
  const { data } = await upload<Rec>(file);
  return (await call<Rec>('POST', '/imports', { entity: e.name, file: data.id })).data.id;
}

const PIECES = ['street', 'postcode', 'city', 'region', 'country'];
const BY = ['external_id', 'name', 'email', 'domain'];
const NEVER = new Set(['many', 'file', 'formula', 'rollup', 'auto_number']);
const pieceWord = (s: string) => (PIECES.includes(s) ? t(`piece.${s}` as Key) : s);

export function read(target: string) {
  const m = /^([^[.]+)(?:\[([^\]]*)\])?(?:\.(.+))?$/.exec(target);
  return m ? { name: m[1]!, slot: m[2] ?? '', piece: m[3] ?? '' } : { name: target, slot: '', piece: '' };
}
export const fieldOf = (e: Entity, target: string | null) => (target ? e.fields.find((f) => f.name === read(target).name) : undefined);

/** A target in words: "Addresses (home): city". */
export function label(meta: Meta, e: Entity, target: string): string {
  const { name, slot, piece } = read(target);
  const f = fieldOf(e, target);
  const base = (f?.label ?? name) + (slot ? ` (${slotWord(slot)})` : '');
  if (!piece) return base;
  const of = f?.target ? meta.entity(f.target) : undefined;
  const inner = of ? of.fields.find((x) => x.name === piece)?.label ?? piece : pieceWord(piece);
  return `${base}: ${inner}`;
}

/** Everything a column can go to, best known first. */
export function targets(meta: Meta, e: Entity): string[] {
  const takes = (f: Field) => f.right === 'write' && !NEVER.has(f.kind) && (!f.read_only || f.kind === 'person_name');
  const rank = (f: Field) => (f.standard ? 2 : f.group ? 1 : 0);
  return e.fields.filter(takes).map((f, i) => ({ f, i })).sort((a, b) => rank(a.f) - rank(b.f) || a.i - b.i).flatMap(({ f }) => {
    const slots = SLOTS[f.kind];
    if (f.kind === 'addresses') return slots!.flatMap((s) => PIECES.map((p) => `${f.name}[${s}].${p}`));
    if (slots) return [f.name, ...slots.map((s) => `${f.name}[${s}]`)];
    if (f.kind !== 'reference') return [f.name];
    const of = meta.entity(f.target!);
    return [f.name, ...BY.filter((b) => of?.fields.some((x) => x.name === b) && b !== of.title).map((b) => `${f.name}.${b}`)];
  });
}

/** What a column may be told besides: how it writes its dates, its numbers, and the like. */
export function needs(f: Field | undefined) {
  const kind = f ? valueKind(f) : '';
  return { date: kind === 'date' || kind === 'instant', number: ['decimal', 'money', 'percent', 'integer'].includes(kind), phone: kind === 'phones' || f?.name === 'phone', make: kind === 'reference' && !f?.standard };
}

/** By what a record that is there already can be found: only what the file brings, and what has an index. */
export function keyFields(e: Entity, columns: Column[]): Field[] {
  const found = new Map<string, Field>();
  for (const c of columns) {
    const f = fieldOf(e, c.field);
    if (!f) continue;
    // the first of a list is a field of its own: emails, email
    const one = f.kind === 'emails' || f.kind === 'phones' ? e.fields.find((x) => x.name === f.name.slice(0, -1)) : f;
    if (one && (one.unique || ((one.indexed || f.kind === 'phones') && ['text', 'integer'].includes(valueKind(one))))) found.set(one.name, one);
  }
  return [...found.values()].sort((a, b) => Number(!!b.unique) - Number(!!a.unique));
}

export function startPlan(e: Entity, i: Import): Plan {
  const known = i.options?.columns?.length ? i.options.columns : null;
  const columns = (i.columns ?? []).map((c) => { const k = known?.find((x) => x.column === c.column); return k ? { ...c, ...k } : c; });
  const keys = keyFields(e, columns);
  const usual = keys.find((f) => f.unique) ?? keys.find((f) => f.name === 'email');
  return { columns, keys: i.options?.keys ?? (usual ? [usual.name] : []), mode: i.options?.mode ?? 'both', empty: i.options?.empty ?? 'keep' };
}
/** As the server takes it: without what only the screen needs. */
export function options(e: Entity, p: Plan) {
  const keys = new Set(keyFields(e, p.columns).map((f) => f.name));
  const used = p.keys.filter((k) => keys.has(k));
  const columns = p.columns.map(({ column, field, format, decimal, country, create }) => {
    const n = needs(fieldOf(e, field));
    return { column, field: field ?? null, ...(n.date && format && { format }), ...(n.number && decimal && { decimal }), ...(n.phone && country && { country }), ...(n.make && create && { create }) };
  });
  return { columns, keys: used, mode: used.length ? p.mode : 'both', empty: p.empty };
}
export const mayAddFields = (meta: Meta) => { const f = meta.entity('field'); return !!f && can(f, 'create'); };
export const codeOf = (s: string) => s.trim().toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '_').replace(/^_+|_+$/g, '').slice(0, 34);
/** What kind a new field for a column would be, by its samples. */
export function guessKind(samples: string[]): string {
  const all = (r: RegExp) => samples.length > 0 && samples.every((s) => r.test(s.trim()));
  return all(/^(yes|no|true|false|ja|nein)$/i) ? 'yes_no' : all(/^-?\d{1,12}$/) ? 'integer' : all(/^-?[\d.,]+$/) ? 'decimal' : all(/^\d{4}-\d\d-\d\d$/) ? 'date' : samples.some((s) => s.length > 120) ? 'long_text' : 'text';
}
