// What the server says there is: screens are drawn from it alone.
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { get } from '../api/client';

export interface Field {
  name: string; label: string; kind: string; number: number; result?: string; right: 'read' | 'write';
  required?: boolean; unique?: boolean; read_only?: boolean; set_once?: boolean; asked?: boolean; hidden?: boolean; sensitive?: boolean; partial?: boolean;
  custom?: boolean; standard?: boolean; searched?: boolean; indexed?: boolean;
  target?: string; targets?: string[]; list?: string; scale?: number; min?: number; max?: number; help?: string; group?: string; expr?: string;
  /** repeats a piece of the first entry of that list */
  mirror?: string; mirror_part?: string;
  /** a yes/no field: while it holds, the value is marked with its label */
  alarm?: string;
}
export interface Child { name: string; entity: string; by: string }
export interface Action { name: string; module: string; takes: 'none' | 'one' | 'many'; effect: 'read' | 'write' | 'job'; help: string; input: Field[] }
export interface Entity {
  name: string; plural: string; label: string; label_plural: string; icon: string | null; module: string | null; title: string | null;
  area?: string; columns?: string; custom: boolean; link: boolean; person: boolean; activity: boolean; append_only: boolean; aside?: boolean;
  rights: Record<string, string>; fields: Field[]; children: Child[]; actions: Action[]; number: number;
}
export interface Choice { id: number; code: string; label: string; colour: string; kind: string; active: boolean }
export interface Raw {
  version: number; organisation: { name: string; currency: string; zone: string; language: string; country: string }; user: { id: number; name: string; admin: boolean };
  entities: Entity[]; lists: Record<string, Choice[]>; layouts: { entity: string; kind: string; content: any }[];
}
export type Rec = { id: number; version: number } & Record<string, any>;

// modules whose records are about the work with others: their pages are elsewhere
const ASIDE = new Set(['system', 'quality', 'dashboard']);

export class Meta {
  private byName = new Map<string, Entity>();
  private byPlural = new Map<string, Entity>();
  constructor(readonly raw: Raw) {
    for (const e of raw.entities) { this.byName.set(e.name, e); this.byPlural.set(e.plural, e); }
  }
  entity(name: string) { return this.byName.get(name); }
  plural(plural: string) { return this.byPlural.get(plural); }
  /** The entity whose records are those who use the program: what an owner is. */
  get people() { return this.raw.entities.flatMap((e) => e.fields).find((f) => f.standard && f.name === 'owner')?.target; }
  /** A path as it is stored, by numbers (@12.@7), with the names of now. */
  named(e: Entity, path: string): string {
    let at: Entity | undefined = e;
    return path.split('.').map((step) => {
      if (!step.startsWith('@')) { at = this.target(at, step); return step; }
      const n = Number(step.slice(1));
      const own: Field | undefined = at?.fields.find((f) => f.number === n);
      const child: Child | undefined = own ? undefined : at?.children.find((c) => this.entity(c.entity)?.fields.some((f) => f.name === c.by && f.number === n));
      // inside the rows of another object: the field is that object's
      const any = own ?? (child ? undefined : this.raw.entities.flatMap((x) => x.fields).find((f) => f.number === n));
      const name = child?.name ?? any?.name ?? step;
      at = child ? this.entity(child.entity) : any?.target ? this.entity(any.target) : undefined;
      return name;
    }).join('.');
  }
  /** What keeps the bytes of files, and its field that says what a file belongs to. */
  get files() {
    const name = this.raw.entities.flatMap((e) => e.fields).find((f) => f.kind === 'file')?.target;
    const e = name ? this.byName.get(name) : undefined;
    const of = e?.fields.find((f) => f.kind === 'any_reference' && !f.standard);
    return e && of ? { entity: e, of } : undefined;
  }
  layout(e: Entity, kind: string): any { return this.raw.layouts.find((l) => l.entity === e.name && l.kind === kind)?.content; }
  private target(at: Entity | undefined, step: string) {
    const f = at?.fields.find((x) => x.name === step);
    const child = at?.children.find((c) => c.name === step);
    return f?.target ? this.entity(f.target) : child ? this.entity(child.entity) : undefined;
  }
  choices(f: Field): Choice[] { return (f.list && this.raw.lists[f.list]) || []; }
  /** As the navigation shows them; `all` are those that people work with, in that order, `system` what they need not see. */
  nav() {
    const all = this.raw.entities.filter((e) => !e.link);
    const aside = (e: Entity) => ASIDE.has(e.module ?? '') || e.aside || (!e.module && !e.custom);
    const shipped = all.filter((e) => !aside(e) && !e.custom), own = all.filter((e) => e.custom);
    const main = shipped.filter((e) => !e.area && !e.activity), activities = shipped.filter((e) => !e.area && e.activity);
    const areas = [...new Set(shipped.flatMap((e) => e.area ?? []))].map((name) => ({ name, list: shipped.filter((e) => e.area === name) }));
    return { main, areas, activities, own, system: all.filter(aside), all: [...main, ...activities, ...areas.flatMap((a) => a.list), ...own] };
  }
}

export const MetaContext = createContext<Meta>(null as unknown as Meta);
export const useMeta = () => useContext(MetaContext);
export function useMetaQuery(on: boolean) {
  return useQuery({ queryKey: ['meta'], enabled: on, staleTime: Infinity, queryFn: async ({ signal }) => new Meta(await get<Raw>('/meta', {}, signal)) });
}

export const can = (e: Entity, right: string) => (e.rights[right] ?? 'none') !== 'none';
export const valueKind = (f: Field) => f.result ?? f.kind;
export const writable = (f: Field) => f.right === 'write' && !f.read_only;
/** The fields in which a value is kept: the list whose first entry it repeats, the parts of a name, else its own. */
export function keptIn(e: Entity, f: Field): Field[] {
  const names = f.mirror ? [f.mirror] : f.kind === 'person_name' ? ['first_name', 'last_name'] : [];
  const parts = names.flatMap((n) => e.fields.find((x) => x.name === n) ?? []);
  return f.mirror || parts.length ? parts : [f];
}
/** The field that says whether a value is to be marked. */
export const alarmOf = (e: Entity, f: Field) => (f.alarm ? e.fields.find((x) => x.name === f.alarm) : undefined);
export const titleOf = (e: Entity, r: Rec | undefined): string => {
  const t = e.title && r ? r[e.title] : null;
  const s = t && typeof t === 'object' ? t.name : t;
  return s !== null && s !== undefined && s !== '' ? String(s) : r ? `${e.label} ${r.id}` : '';
};
export const address = (e: Entity, id?: number) => `/e/${e.plural}` + (id ? `/${id}` : '');
/** The list of those that fulfil a condition, whatever view was open last. */
export const listOf = (e: Entity, where: string) => `${address(e)}?${new URLSearchParams({ view: '0', where })}`;
/** Whether the user may run an action: only those are told. */
export const mayRun = (e: Entity, name: string) => e.actions.some((a) => a.name === name);

const UNLISTED = new Set(['json', 'rich_text', 'long_text', 'file', 'place', 'emails', 'phones', 'addresses', 'urls']);
const NO_SORT = new Set(['json', 'rich_text', 'long_text', 'file', 'place', 'emails', 'phones', 'addresses', 'urls', 'many', 'tags', 'choices', 'any_reference']);
export const sortable = (f: Field) => !NO_SORT.has(valueKind(f)) && f.kind !== 'rollup';

/** A first choice of columns: as the model says, else the title, then what says most in little room. */
export function defaultColumns(e: Entity): string[] {
  if (e.columns) return [e.title ?? 'id', ...e.columns.split(',').filter((n) => e.fields.some((f) => f.name === n))];
  const kept = e.fields.every((f) => f.standard || f.read_only); // by the program: what it says is all there is to see
  const weight = (f: Field) => {
    const kind = valueKind(f);
    if (f.standard) return f.name === 'owner' ? 3 : f.name === 'created_at' ? 2 : 0;
    if (f.hidden || f.group || UNLISTED.has(kind)) return 0;
    if (f.required) return 9;
    // the first of a list of e-mails or phones, kept as a text of its own
    if (f.read_only && kind === 'text') return e.fields.some((l) => l.name === f.name + 's') ? 8 : 4;
    // lists that others share (or a state) say more than lists of its own
    if (kind === 'choice') return f.name === 'status' || f.custom || !f.list?.startsWith(e.name + '_') ? 7 : 2;
    if (kind === 'reference') return f.target === e.name ? 2 : 7; // to its own kind: few have one
    if (kind === 'money' || kind === 'instant' || kind === 'date') return f.custom ? 6 : f.read_only && !kept ? 2 : 5;
    if (f.custom) return 6;
    return f.searched && f.indexed ? 4 : kind === 'integer' ? 3 : f.searched ? 3 : 1;
  };
  const part = new Set(['first_name', 'middle_name', 'last_name']);
  const best = e.fields.filter((f) => f.name !== e.title && !(e.person && part.has(f.name)) && weight(f) > 1)
    .map((f, i) => ({ f, i, w: weight(f) })).sort((a, b) => b.w - a.w || a.i - b.i).slice(0, 6);
  best.sort((a, b) => b.w - a.w || a.i - b.i);
  return [...(e.title ? [e.title] : ['id']), ...best.map((b) => b.f.name)];
}
