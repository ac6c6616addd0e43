// Which fields a record shows, in which groups and order: as the layout says, else as the model has them.
// A layout keeps fields by their numbers, so that a new name breaks nothing; what it does not know comes last.
import { t } from '../locale/t';
import type { Entity, Field, Meta } from '../meta/meta';

export interface Group { name: string; fields: Field[] }
export interface Content { groups: { name: string; fields: number[] }[]; hidden: number[] }
export const USUAL = new Set(['owner', 'team', 'tags']);

const nice = (s: string) => { const w = s.replaceAll('_', ' '); return w.charAt(0).toUpperCase() + w.slice(1); };

/** Fields that a person may look for: without texts that only repeat the first of a list, and a name put together from its parts. */
export function usable(e: Entity): Field[] {
  const lists = e.fields.some((f) => ['emails', 'phones', 'addresses'].includes(f.kind));
  const repeats = (f: Field) => !!f.read_only && !f.standard && (f.kind === 'person_name' || (lists && f.kind === 'text' && f.name !== e.title));
  return e.fields.filter((f) => !f.hidden && !repeats(f));
}

export function usualGroups(e: Entity): Group[] {
  const groups = new Map<string, Field[]>();
  const put = (name: string, f: Field) => groups.set(name, [...(groups.get(name) ?? []), f]);
  const fields = usable(e);
  for (const f of fields) if (!f.group && !f.standard) put('', f);
  for (const f of fields) if (USUAL.has(f.name) && f.standard) put('', f);
  for (const f of fields) if (f.group) put(nice(f.group), f);
  return [...groups].map(([name, list]) => ({ name, fields: list }));
}
export function systemGroup(e: Entity): Group {
  return { name: t('record.system'), fields: e.fields.filter((f) => !f.hidden && f.standard && !USUAL.has(f.name) && f.name !== 'deleted_at' && f.name !== 'version') };
}
/** What the layout says, made whole: fields added since are in the last group. */
export function groupsOf(meta: Meta, e: Entity): { groups: Group[]; hidden: Field[] } {
  const content = meta.layout(e, 'record') as Content | undefined;
  if (!content?.groups?.length) return { groups: usualGroups(e), hidden: [] };
  const all = usable(e).filter((f) => !f.standard || USUAL.has(f.name));
  const by = new Map(all.map((f) => [f.number, f]));
  const hidden = (content.hidden ?? []).flatMap((n) => by.get(n) ?? []);
  const groups = content.groups.map((g) => ({ name: String(g.name ?? ''), fields: (g.fields ?? []).flatMap((n) => by.get(n) ?? []) }));
  const known = new Set([...hidden, ...groups.flatMap((g) => g.fields)]);
  const rest = all.filter((f) => !known.has(f));
  if (rest.length) groups[groups.length - 1] = { ...groups[groups.length - 1]!, fields: [...groups[groups.length - 1]!.fields, ...rest] };
  return { groups, hidden };
}
