// Conditions of the form "field operator value": what can be asked of each kind, and how it is written.
import { valueKind, type Entity, type Field, type Meta } from '../meta/meta';
import { isCall, isField, isOp, type Tree } from './tree';

/** What the value of a condition is made of; decides which control asks for it. */
export type Wants = 'none' | 'text' | 'number' | 'two numbers' | 'date' | 'two dates' | 'choice' | 'choices' | 'record' | 'period' | 'duration' | 'yes_no' | 'tag' | 'tags';
export interface Leaf { path: string; op: string; values: string[] }
interface Operator { op: string; wants: Wants }

const EMPTY: Operator[] = [{ op: 'is empty', wants: 'none' }, { op: 'is not empty', wants: 'none' }];
const one = (wants: Wants, ...ops: string[]) => ops.map((op) => ({ op, wants }));
const NUMBERS: Operator[] = [...one('number', '=', '!=', '>', '>=', '<', '<='), ...one('two numbers', 'between'), ...EMPTY];

export function operators(f: Field): Operator[] {
  switch (valueKind(f)) {
    case 'integer': case 'decimal': case 'percent': case 'money': return NUMBERS;
    case 'duration': return [...one('duration', '>', '>=', '<', '<='), ...EMPTY];
    case 'date': case 'instant':
      return f.partial ? [...one('period', 'in period'), ...EMPTY] : [...one('period', 'in period'), ...one('date', '>=', '<', '='), ...one('two dates', 'between'), ...EMPTY];
    case 'choice': return [...one('choices', 'in', 'not in'), ...one('choice', '=', '!='), ...EMPTY];
    case 'choices': return [...one('choices', 'has any', 'has all', 'has none'), ...EMPTY];
    case 'tags': return [...one('tags', 'has any', 'has all', 'has none'), ...EMPTY];
    case 'yes_no': return [...one('yes_no', '=', '!='), ...EMPTY];
    case 'reference': return [...one('record', '=', '!='), ...EMPTY];
    case 'emails': case 'phones': case 'urls': case 'addresses': return [...one('text', 'contains', 'not contains', 'has'), ...EMPTY];
    case 'long_text': case 'rich_text': return [...one('text', 'contains', 'not contains'), ...EMPTY];
    case 'any_reference': case 'file': case 'place': case 'many': return EMPTY;
    case 'json': return [];
    default: return [...one('text', 'contains', 'not contains', '=', '!=', 'starts with', 'ends with'), ...EMPTY];
  }
}
export const wants = (f: Field, op: string): Wants => operators(f).find((o) => o.op === op)?.wants ?? 'text';
export const filterable = (f: Field) => operators(f).length > 0;
export const PERIODS = ['today', 'yesterday', 'tomorrow', 'this week', 'last week', 'next week', 'this month', 'last month', 'next month', 'this quarter', 'last quarter', 'this year', 'last year', 'last 7 days', 'last 30 days', 'last 90 days', 'next 7 days', 'next 30 days'];

/** The field at the end of a path, or undefined. */
export function fieldAt(meta: Meta, e: Entity, path: string): Field | undefined {
  let at: Entity | undefined = e, f: Field | undefined;
  for (const step of path.split('.')) {
    f = at?.fields.find((x) => x.name === step);
    at = f?.target ? meta.entity(f.target) : undefined;
  }
  return f;
}
export function labelAt(meta: Meta, e: Entity, path: string): string {
  const steps = path.split('.');
  return steps.map((_, i) => fieldAt(meta, e, steps.slice(0, i + 1).join('.'))?.label ?? steps[i]).join(' › ');
}

const OPPOSITE: Record<string, string> = { '=': '!=', '!=': '=', in: 'not in', 'not in': 'in', contains: 'not contains', 'not contains': 'contains', 'is empty': 'is not empty', 'is not empty': 'is empty', 'has any': 'has none' };
const plain = (x: Tree): string | undefined => ('text' in x ? x.text : 'value' in x ? x.value : isOp(x) && x.op === 'neg' && x.args[0] && 'value' in x.args[0] ? '-' + x.args[0].value : undefined);

/** The parts of a simple condition; null where only the builder or the text can show it. */
export function leafOf(x: Tree): Leaf | null {
  if (isField(x)) return { path: x.field, op: '=', values: ['true'] };
  if (isCall(x) && x.call === 'in_period' && isField(x.args[0]) && x.args[1] && 'text' in x.args[1]) return { path: x.args[0].field, op: 'in period', values: [x.args[1].text] };
  if (!isOp(x)) return null;
  if (x.op === 'not') {
    const inner = x.args[0];
    if (isField(inner)) return { path: inner.field, op: '=', values: ['false'] };
    // the language has an exact opposite for most: what is asked stays the same
    const opposite = isOp(inner) ? OPPOSITE[inner.op] : undefined;
    return opposite ? leafOf({ op: opposite, args: (inner as { args: Tree[] }).args }) : null;
  }
  if (['and', 'or'].includes(x.op) || !isField(x.args[0])) return null;
  const values = x.args.slice(1).map(plain);
  return values.every((v): v is string => v !== undefined) ? { path: x.args[0].field, op: x.op, values } : null;
}

/** A condition as the language has it. Values are as a person typed or chose them. */
export function treeOf(f: Field, l: Leaf): Tree {
  const field = { field: l.path };
  const kind = valueKind(f);
  const literal = (v: string): Tree => {
    if (kind === 'yes_no' || kind === 'reference' || ['date', 'instant', 'duration'].includes(kind)) return { value: v };
    if (['integer', 'decimal', 'percent', 'money'].includes(kind)) return v.startsWith('-') ? { op: 'neg', args: [{ value: v.slice(1) }] } : { value: v };
    return { text: v };
  };
  if (l.op === 'in period') return { call: 'in_period', args: [field, { text: l.values[0] ?? '' }] };
  if (l.op === 'has none') return { op: 'not', args: [{ op: 'has any', args: [field, ...l.values.map(literal)] }] };
  if (wants(f, l.op) === 'none') return { op: l.op, args: [field] };
  if (kind === 'yes_no') return { op: l.op, args: [field, { value: l.values[0] === 'false' ? 'false' : 'true' }] };
  return { op: l.op, args: [field, ...l.values.map(literal)] };
}
/** Whether there is enough to ask the server. */
export function complete(f: Field, l: Leaf): boolean {
  const w = wants(f, l.op);
  const given = l.values.filter((v) => v.trim() !== '');
  return w === 'none' || (w.startsWith('two') ? given.length === 2 : given.length > 0);
}
