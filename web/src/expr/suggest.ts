// What may come next while an expression is typed: fields, operators, values, joining words.
import { valueKind, type Entity, type Field, type Meta } from '../meta/meta';
import { fieldAt, filterable, PERIODS } from './leaf';
import { tokens, type Token } from './parse';
import { COMPARE } from './tree';

export interface Suggestion { insert: string; label: string; note: string }
export interface Suggestions { from: number; to: number; items: Suggestion[] }

const FUNCTIONS = ['count(', 'any(', 'none(', 'sum(', 'age(', 'year(', 'month(', 'days_between(', 'anniversary_in(', 'in_period(', 'length(', 'lower('];
const WORDS = new Set(['and', 'or', 'not', 'where']);
const quote = (s: string) => `'${s.replaceAll("'", "''")}'`;

export function operatorsText(f: Field): string[] {
  switch (valueKind(f)) {
    case 'integer': case 'decimal': case 'percent': case 'money': case 'duration': case 'date': case 'instant': return ['=', '!=', '>', '>=', '<', '<=', 'between', 'is empty', 'is not empty'];
    case 'choice': return ['=', '!=', 'in (', 'not in (', 'is empty', 'is not empty'];
    case 'reference': case 'yes_no': return ['=', '!=', 'is empty', 'is not empty'];
    case 'choices': case 'tags': return ['has', 'has any (', 'has all (', 'is empty', 'is not empty'];
    case 'emails': case 'phones': case 'urls': case 'addresses': return ['contains', 'has', 'is empty', 'is not empty'];
    case 'json': case 'file': case 'place': return ['is empty', 'is not empty'];
    default: return ['=', '!=', 'contains', 'starts with', 'ends with', 'like', 'in (', 'is empty', 'is not empty'];
  }
}
function values(meta: Meta, f: Field): Suggestion[] {
  const kind = valueKind(f);
  const plain = (...list: string[]) => list.map((insert) => ({ insert, label: insert, note: '' }));
  switch (kind) {
    case 'choice': case 'choices': case 'tags': return meta.choices(f).map((c) => ({ insert: quote(c.code), label: c.label || c.code, note: c.code }));
    case 'yes_no': return plain('true', 'false');
    case 'reference': return f.target === meta.people ? plain('me') : [];
    case 'date': return plain('today', 'today - 30d', 'today - 1y');
    case 'instant': return plain('now - 7d', 'now - 30d', 'now - 90d', 'today');
    default: return [];
  }
}

export function suggest(meta: Meta, e: Entity, text: string, caret: number): Suggestions {
  const { list, rest } = tokens(text.slice(0, caret));
  const open = rest < caret; // a quote that is not closed yet
  const last = list[list.length - 1];
  const typed: Token | undefined = open ? { kind: 'text', text: text.slice(rest, caret), from: rest, to: caret } : last && last.to === caret && last.kind !== 'sign' ? last : undefined;
  const before = typed && !open ? list.slice(0, -1) : list;
  const part = (typed?.text ?? '').toLowerCase();
  const from = typed?.from ?? caret;
  const prev = before[before.length - 1];
  const low = prev?.text.toLowerCase() ?? '';
  const subject = () => { for (let i = before.length - 1; i >= 0; i--) { const f = before[i]!.kind === 'name' ? fieldAt(meta, e, before[i]!.text) : undefined; if (f) return f; } return undefined; };
  const fit = (items: Suggestion[]) => ({ from, to: caret, items: items.filter((s) => !part || s.insert.toLowerCase().startsWith(part) || s.insert.toLowerCase().includes('.' + part) || s.label.toLowerCase().includes(part.replace(/^'/, ''))).filter((s) => s.insert.trim().toLowerCase() !== part).slice(0, 9) });

  if (!prev || (prev.kind === 'name' && WORDS.has(low)) || low === '(' && !['in', 'any', 'all'].includes(before[before.length - 2]?.text.toLowerCase() ?? '')) return fit(names(meta, e, part));
  if (prev.kind === 'name') {
    const f = fieldAt(meta, e, prev.text);
    if (f) return fit(operatorsText(f).map((op) => ({ insert: op + ' ', label: op, note: '' })));
  }
  const operator = (prev.kind === 'sign' && (COMPARE.includes(low) || low === '(' || low === ',')) || ['contains', 'with', 'has', 'like', 'between'].includes(low);
  if (operator) {
    const f = subject();
    if (before[before.length - 3]?.text === 'in_period' || (low === ',' && list.some((x) => x.text === 'in_period'))) return fit(PERIODS.map((x) => ({ insert: quote(x), label: x, note: '' })));
    return f ? fit(values(meta, f)) : { from, to: caret, items: [] };
  }
  if (typed?.kind !== 'text' || prev.kind !== 'sign') return fit(['and ', 'or '].map((w) => ({ insert: w, label: w.trim(), note: '' })));
  return { from, to: caret, items: [] };
}

function names(meta: Meta, e: Entity, part: string): Suggestion[] {
  const steps = part.split('.');
  if (steps.length > 1) {
    const path = steps.slice(0, -1).join('.');
    const target = fieldAt(meta, e, path)?.target;
    return (target ? meta.entity(target)?.fields ?? [] : []).filter(filterable).map((f) => ({ insert: `${path}.${f.name}`, label: f.label, note: `${path}.${f.name}` }));
  }
  const own = e.fields.filter((f) => filterable(f) && !f.hidden).map((f) => ({ insert: f.name + (f.kind === 'reference' ? '' : ' '), label: f.label, note: f.name }));
  own.sort((a, b) => Number(b.label.toLowerCase().startsWith(part)) - Number(a.label.toLowerCase().startsWith(part)));
  return [...own, ...(part ? FUNCTIONS.map((x) => ({ insert: x, label: x + ')', note: '' })) : [])];
}

/** What a person may mean who types "city berlin" or "score > 50": conditions to choose from. */
export function guesses(meta: Meta, e: Entity, text: string): { field: Field; op: string; values: string[] }[] {
  const low = text.toLowerCase();
  const out: { field: Field; op: string; values: string[] }[] = [];
  for (const f of e.fields) {
    if (!filterable(f) || f.hidden) continue;
    const name = [f.label.toLowerCase(), f.name].find((n) => low.startsWith(n + ' ') || /^[<>=!]/.test(low.slice(n.length).trim()) && low.startsWith(n));
    if (!name) continue;
    const tail = text.slice(name.length).trim();
    const m = /^(<=|>=|!=|=|<|>|is not|is|contains)?\s*['"]?(.*?)['"]?$/i.exec(tail);
    const sign = m?.[1]?.toLowerCase(), value = (m?.[2] ?? '').trim();
    if (!value) continue;
    const v = value.toLowerCase();
    const not = sign === '!=' || sign === 'is not';
    switch (valueKind(f)) {
      case 'choice': for (const c of meta.choices(f).filter((x) => x.active && (x.label.toLowerCase().startsWith(v) || x.code.startsWith(v)))) out.push({ field: f, op: not ? 'not in' : 'in', values: [c.code] }); break;
      case 'choices': for (const c of meta.choices(f).filter((x) => x.active && x.label.toLowerCase().startsWith(v))) out.push({ field: f, op: not ? 'has none' : 'has any', values: [c.code] }); break;
      case 'tags': out.push({ field: f, op: not ? 'has none' : 'has any', values: [value] }); break;
      case 'yes_no': if (['true', 'yes'].includes(v) || ['false', 'no'].includes(v)) out.push({ field: f, op: '=', values: [['true', 'yes'].includes(v) ? 'true' : 'false'] }); break;
      case 'integer': case 'decimal': case 'percent': case 'money': if (/^-?\d+(\.\d+)?$/.test(value)) out.push({ field: f, op: sign && COMPARE.includes(sign) ? sign : '=', values: [value] }); break;
      case 'date': case 'instant': for (const x of PERIODS.filter((y) => y.startsWith(v))) out.push({ field: f, op: 'in period', values: [x] }); if (/^\d{4}-\d\d-\d\d$/.test(value)) out.push({ field: f, op: sign === '<' ? '<' : sign === '=' ? '=' : '>=', values: [value] }); break;
      case 'reference': case 'duration': break;
      case 'emails': case 'phones': case 'urls': case 'addresses': case 'long_text': case 'rich_text': out.push({ field: f, op: 'contains', values: [value] }); break;
      default: for (const op of sign === 'contains' ? ['contains'] : not ? ['!='] : ['=', 'contains', 'starts with']) out.push({ field: f, op, values: [value] });
    }
  }
  return out.slice(0, 9);
}
