// Groups of a list by a field: what there is, how many, and the condition that finds each one's records.
// A group is written `field`, or for days and instants `field:month` (year, month, day).
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { date, number } from '../fields/format';
import { both } from '../expr/tree';
import { language, t } from '../locale/t';
import { useMeta, valueKind, type Entity, type Field, type Meta } from '../meta/meta';

export type Unit = 'year' | 'month' | 'day';
export const UNITS: Unit[] = ['year', 'month', 'day'];
export interface GroupBy { field: Field; unit: Unit | null; text: string }
export interface Group { key: string; label: string; value: any; where: string; count: number; sum: unknown; code?: string }
const isDay = (f: Field) => ['date', 'instant'].includes(valueKind(f));

export function groupOf(e: Entity, text: string): GroupBy | null {
  const [name, unit] = text.split(':');
  const field = e.fields.find((f) => f.name === name);
  return field ? { field, unit: isDay(field) ? (UNITS.find((u) => u === unit) ?? 'month') : null, text } : null;
}
const quote = (s: string) => `'${s.replaceAll("'", "''")}'`;
const two = (n: number) => String(n).padStart(2, '0');

function expression(g: GroupBy, as = 'g', asMonth = 'm'): string {
  const x = g.field.name;
  if (!g.unit) return `${x} as ${as}`;
  if (g.unit === 'day') return `${valueKind(g.field) === 'date' ? x : `date(${x})`} as ${as}`;
  return `year(${x}) as ${as}` + (g.unit === 'month' ? `, month(${x}) as ${asMonth}` : '');
}
function condition(g: GroupBy, row: Record<string, any>): string {
  const x = g.field.name, v = row.g;
  if (v === null || v === undefined) return `${x} is empty`;
  if (g.unit === 'day') return `${x} = ${v}`;
  if (g.unit === 'year') return `${x} >= ${String(v).padStart(4, '0')}-01-01 and ${x} <= ${String(v).padStart(4, '0')}-12-31`;
  if (g.unit === 'month') return `${x} >= ${String(v).padStart(4, '0')}-${two(row.m)}-01 and ${x} <= ${String(v).padStart(4, '0')}-${two(row.m)}-${two(new Date(Date.UTC(v, row.m, 0)).getUTCDate())}`;
  switch (valueKind(g.field)) {
    case 'reference': return `${x} = ${v.id}`;
    case 'money': return `${x} = ${v.amount}`;
    case 'yes_no': case 'integer': case 'decimal': case 'percent': return `${x} = ${v}`;
    default: return `${x} = ${quote(String(v))}`;
  }
}
function labelOf(meta: Meta, g: GroupBy, row: Record<string, any>): string {
  const v = row.g;
  if (v === null || v === undefined) return t('group.none', { label: g.field.label });
  if (g.unit === 'day') return date(v);
  if (g.unit === 'year') return String(v);
  if (g.unit === 'month') return new Intl.DateTimeFormat(language(), { year: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(Date.UTC(v, row.m - 1, 1)));
  switch (valueKind(g.field)) {
    case 'choice': return meta.choices(g.field).find((c) => c.code === v)?.label || String(v);
    case 'reference': return v.name ?? `#${v.id}`;
    case 'yes_no': return v ? t('yes') : t('no');
    case 'integer': case 'decimal': case 'percent': return number(v);
    default: return typeof v === 'object' ? String(v.amount ?? v.id) : String(v);
  }
}
const keyOf = (row: Record<string, any>) => (row.g && typeof row.g === 'object' ? String(row.g.id ?? row.g.amount) : String(row.g)) + (row.m !== undefined ? '-' + row.m : '');
function ordered(meta: Meta, g: GroupBy, list: Group[]): Group[] {
  const kind = valueKind(g.field);
  const place = new Map(meta.choices(g.field).map((c, i) => [c.code, i]));
  const rank = (x: Group) => (x.value === null ? 1e9 : kind === 'choice' ? place.get(x.value) ?? 1e8 : 0);
  return list.map((x, i) => ({ x, i })).sort((a, b) => rank(a.x) - rank(b.x) || (kind === 'reference' ? a.x.label.localeCompare(b.x.label, language()) : 0) || a.i - b.i).map((y) => y.x);
}

const groupFrom = (meta: Meta, by: GroupBy, row: Record<string, any>): Group => ({ key: keyOf(row), label: labelOf(meta, by, row), value: row.g ?? null, where: condition(by, row), count: row.n ?? 0, sum: row.s ?? null, code: typeof row.g === 'string' ? row.g : undefined });
const measures = (measure?: string) => 'count() as n' + (measure ? `, ${measure} as s` : '');

/** `all`: also the values of a choice or yes/no that no record has now, as a board needs them. `root`: under which key it is
 * kept; what the change stream refreshes at once is `count`. */
export function useGroups(e: Entity, g: GroupBy | null, ask: { where?: string; measure?: string; all?: boolean; limit?: number }, on = true, root = 'count') {
  const meta = useMeta();
  return useQuery({
    queryKey: [root, e.name, 'groups', g?.text ?? '', g?.unit ?? '', ask], enabled: on && !!g, staleTime: 30_000, retry: false, placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const by = g!;
      const { rows } = await get<{ rows: Record<string, any>[] }>(`/${e.plural}/aggregate`, { group: expression(by), measure: measures(ask.measure), where: ask.where, limit: ask.limit ?? 300 }, signal);
      const list = rows.map((row) => groupFrom(meta, by, row));
      if (ask.all) {
        const values: unknown[] = by.field.kind === 'choice' ? meta.choices(by.field).filter((c) => c.active).map((c) => c.code) : by.field.kind === 'yes_no' ? [true, false] : [];
        for (const v of by.field.required ? values : [...values, null]) {
          const row = { g: v };
          if (!list.some((x) => x.key === keyOf(row))) list.push({ key: keyOf(row), label: labelOf(meta, by, row), value: v, where: condition(by, row), count: 0, sum: null, code: typeof v === 'string' ? v : undefined });
        }
      }
      return ordered(meta, by, list);
    },
  });
}
export interface Cell { count: number; sum: unknown; where: string }
export interface Cross { rows: Group[]; columns: Group[]; cell: (row: Group, column: Group) => Cell | undefined; more: boolean }
/** Two groups at once, for a heat map: one request, rows and columns in their own order. */
export function useCross(e: Entity, down: GroupBy | null, across: GroupBy | null, ask: { where?: string; measure?: string }, on = true, root = 'count') {
  const meta = useMeta();
  return useQuery({
    queryKey: [root, e.name, 'cross', [down?.text, down?.unit, across?.text, across?.unit], ask], enabled: on && !!down && !!across, staleTime: 30_000, retry: false, placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Cross> => {
      const a = down!, b = across!;
      const { rows, more } = await get<{ rows: Record<string, any>[]; more?: boolean }>(`/${e.plural}/aggregate`, { group: `${expression(a)}, ${expression(b, 'h', 'k')}`, measure: measures(ask.measure), where: ask.where, limit: 3000 }, signal);
      const tops = new Map<string, Group>(), sides = new Map<string, Group>(), cells = new Map<string, Cell>();
      for (const row of rows) {
        const one = groupFrom(meta, a, row), other = groupFrom(meta, b, { ...row, g: row.h, m: row.k });
        for (const [all, x] of [[sides, one], [tops, other]] as const) { const seen = all.get(x.key); if (seen) seen.count += x.count; else all.set(x.key, { ...x, sum: null }); }
        cells.set(`${one.key}|${other.key}`, { count: one.count, sum: one.sum, where: `(${one.where}) and (${other.where})` });
      }
      return { rows: ordered(meta, a, [...sides.values()]), columns: ordered(meta, b, [...tops.values()]), cell: (r, c) => cells.get(`${r.key}|${c.key}`), more: !!more };
    },
  });
}
export const within = (g: Group, where: string) => both(where, g.where);
