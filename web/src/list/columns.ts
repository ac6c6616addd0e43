// Which columns a list has, how wide they are, and what a group is called.
import { alarmOf, defaultColumns, valueKind, type Entity, type Field, type Meta } from '../meta/meta';
import { columnsOf, type Column } from '../views/views';

const WIDTH: Record<string, number> = { integer: 100, decimal: 110, percent: 100, money: 140, date: 130, instant: 190, yes_no: 90, choice: 190, choices: 200, tags: 180, reference: 190, many: 200, duration: 110 };
export const NARROWEST = 60, WIDEST = 900, FIRST = 230;
export interface Shown { field: Field; width: number; fixed: boolean }

export function shownColumns(e: Entity, cols: string): Shown[] {
  const known = new Map(e.fields.map((f) => [f.name, f]));
  const wanted: Column[] = cols ? columnsOf(cols) : defaultColumns(e).map((name) => ({ name }));
  const first = e.title ?? 'id';
  const list = [wanted.find((c) => c.name === first) ?? { name: first }, ...wanted.filter((c) => c.name !== first)];
  return list.flatMap((c, i) => {
    const field = known.get(c.name);
    if (!field) return [];
    const usual = i === 0 ? FIRST : Math.max((alarmOf(e, field) ? 80 : 0) + (WIDTH[valueKind(field)] ?? (field.name.includes('email') ? 250 : 180)), field.label.length * 8 + 40);
    return [{ field, width: Math.min(WIDEST, Math.max(NARROWEST, c.width ?? usual)), fixed: !!c.width }];
  });
}
export const toColumns = (list: Shown[]): Column[] => list.map((c) => (c.fixed ? { name: c.field.name, width: c.width } : { name: c.field.name }));

/** Fields whose values make sensible groups. */
export const groupable = (f: Field) => ['choice', 'reference', 'yes_no', 'date', 'instant'].includes(valueKind(f)) && !['formula', 'rollup'].includes(f.kind) && !f.partial && f.name !== 'deleted_at';
/** Fields that a board may have as columns: a card can be moved from one value to another. */
export const boardable = (f: Field) => ['choice', 'reference', 'yes_no'].includes(f.kind) && f.right === 'write' && !f.read_only && !f.set_once;

/** The field by which one would most likely look at a board of these. */
export function bestGroup(e: Entity, meta: Meta, fit: (f: Field) => boolean): Field | undefined {
  const weight = (f: Field) => (f.name === 'stage' || f.name === 'status' ? 9 : f.kind === 'choice' ? 6 - (meta.choices(f).length > 12 ? 3 : 0) - (f.group ? 2 : 0) + (f.list && !f.list.startsWith(e.name + '_') ? 1 : 0) : f.name === 'owner' ? 2 : f.custom ? 2 : 1);
  return e.fields.filter((f) => fit(f) && !f.hidden && (!f.standard || f.name === 'owner')).sort((a, b) => weight(b) - weight(a))[0];
}
